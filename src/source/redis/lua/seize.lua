-- Takes a silent consumer's deliveries away from it: from now on none of its messages ends anything.
-- Returns {1, whether its hash was lost, its batches...}; {0} when it has given a sign of life or is gone.
local held, beats = unpack(KEYS)
local who, deadline = ARGV[1], ARGV[2]
local seen = redis.call('ZSCORE', beats, who)
if not seen or tonumber(seen) ~= tonumber(deadline) then
  return { 0 }
end
redis.call('HDEL', held, '')
local mark = redis.call('HGET', held, 'm')
redis.call('HSET', held, 'm', 'reaped')
local answer = { 1, mark and 0 or 1 }
for _, field in ipairs(redis.call('HKEYS', held)) do
  if string.match(field, '^%d') then
    answer[#answer + 1] = field
  end
end
return answer
