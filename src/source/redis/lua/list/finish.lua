-- Forgets a consumer that holds nothing any more.
-- Returns 1; 0 when it holds something after all.
local held, beats, holders, sentry, wake = unpack(KEYS)
local who = ARGV[1]
for _, field in ipairs(redis.call('HKEYS', held)) do
  if string.match(field, '^%d') then
    return 0
  end
end
if strike_off(held, beats, holders, sentry, wake, who) then
  redis.call('DEL', wake)
end
return 1
