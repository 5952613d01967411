-- Puts dead letters back at the end of the stream, as new tasks; a record that cannot be read stays where it is.
-- Returns how many there were.
local queue, dead, times = unpack(KEYS)
local count = 0
for i = 1, #ARGV do
  local record = redis.call('HGET', dead, ARGV[i])
  if record then
    local length, at = string.match(string.sub(record, 1, 96), '^%d+:%d+:%d+:%d+:(%d+):()')
    if length and at - 1 + length <= #record then
      local payload = string.sub(record, at + length)
      local is_all, fields = false, nil
      if string.sub(payload, 1, 8) == '\0fields:' then
        is_all, fields = pcall(cjson.decode, string.sub(payload, 9))
      end
      if is_all then
        redis.call('XADD', queue, '*', unpack(fields))
      else
        redis.call('XADD', queue, '*', 'payload', payload)
      end
      redis.call('HDEL', dead, ARGV[i])
      redis.call('ZREM', times, ARGV[i])
      count = count + 1
    end
  else
    redis.call('ZREM', times, ARGV[i])
  end
end
return count
