-- Puts dead letters back at the end of the queue, as new tasks; a record that cannot be read stays where it is.
-- Returns how many there were.
local queue, dead, times = unpack(KEYS)
local side = ARGV[1]
local count = 0
for i = 2, #ARGV do
  local record = redis.call('HGET', dead, ARGV[i])
  if record then
    local length, at = string.match(string.sub(record, 1, 96), '^%d+:%d+:%d+:%d+:(%d+):()')
    if length and at - 1 + length <= #record then
      redis.call(side .. 'PUSH', queue, string.sub(record, at + length))
      redis.call('HDEL', dead, ARGV[i])
      redis.call('ZREM', times, ARGV[i])
      count = count + 1
    end
  else
    redis.call('ZREM', times, ARGV[i])
  end
end
return count
