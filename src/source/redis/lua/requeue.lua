-- Puts dead letters back at the end of the queue, as new tasks. Returns how many of them there were.
local queue, dead, times = unpack(KEYS)
local side = ARGV[1]
local count = 0
for i = 2, #ARGV do
  local record = redis.call('HGET', dead, ARGV[i])
  if record then
    local length, at = string.match(record, '^%d+:%d+:%d+:%d+:(%d+):()')
    redis.call(side .. 'PUSH', queue, string.sub(record, at + length))
    redis.call('HDEL', dead, ARGV[i])
    redis.call('ZREM', times, ARGV[i])
    count = count + 1
  end
end
return count
