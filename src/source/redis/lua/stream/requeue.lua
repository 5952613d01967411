-- Puts dead letters back at the end of the stream, as new tasks.
local queue, dead, times = unpack(KEYS)
return put_back(dead, times, ARGV, function(payload)
  local is_all, fields = false, nil
  if string.sub(payload, 1, 8) == '\0fields:' then
    is_all, fields = pcall(cjson.decode, string.sub(payload, 9))
  end
  if is_all then
    redis.call('XADD', queue, '*', unpack(fields))
  else
    redis.call('XADD', queue, '*', 'payload', payload)
  end
end)
