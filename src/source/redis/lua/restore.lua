-- Writes batches that a consumer holds again after its hash was lost; with `is_last`, also that the hash is whole.
-- Returns 1; 'reaped' when the consumer was reaped meanwhile.
local held = KEYS[1]
if trouble(held) == 'reaped' then
  return 'reaped'
end
redis.call('HDEL', held, '')
for i = 3, #ARGV, 3 do
  redis.call('HSET', held, ARGV[i], ARGV[i + 1], 'e' .. ARGV[i], ARGV[i + 2])
end
if ARGV[1] == '1' then
  redis.call('HSET', held, 'm', ARGV[2])
end
return 1
