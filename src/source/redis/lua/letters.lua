-- Shared by the scripts that put dead letters back into the queue.

-- Hands the payload of each letter to `put`, and takes the letter away; a record that cannot be read stays where it is.
-- Returns how many there were.
local function put_back(dead, times, ids, put)
  local count = 0
  for _, id in ipairs(ids) do
    local record = redis.call('HGET', dead, id)
    if record then
      local length, at = string.match(string.sub(record, 1, 96), '^%d+:%d+:%d+:%d+:(%d+):()')
      if length and at - 1 + length <= #record then
        put(string.sub(record, at + length))
        redis.call('HDEL', dead, id)
        redis.call('ZREM', times, id)
        count = count + 1
      end
    else
      redis.call('ZREM', times, id)
    end
  end
  return count
end
