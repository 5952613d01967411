-- Puts dead letters back at the end of the queue, as new tasks.
local queue, dead, times = unpack(KEYS)
local side = table.remove(ARGV, 1)
return put_back(dead, times, ARGV, function(payload)
  redis.call(side .. 'PUSH', queue, payload)
end)
