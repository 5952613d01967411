-- Forgets a consumer that holds nothing any more. One that was reaped may still be about: for an hour its hash says so.
-- Returns 1; 0 when it holds something after all.
local held, beats, holders, sentry, wake = unpack(KEYS)
local who, hour_ms = ARGV[1], 3600000
for _, field in ipairs(redis.call('HKEYS', held)) do
  if string.match(field, '^%d') then
    return 0
  end
end
redis.call('ZREM', beats, who)
redis.call('SREM', holders, who)
if redis.call('HGET', held, 'm') == 'reaped' then
  redis.call('PEXPIRE', held, hour_ms)
else
  redis.call('DEL', held)
end
if redis.call('GET', sentry) == who then
  redis.call('DEL', sentry)
  if redis.call('LLEN', wake) == 0 then
    redis.call('RPUSH', wake, '1')
  end
end
if redis.call('ZCARD', beats) == 0 then
  redis.call('DEL', wake)
end
return 1
