-- Joins (once) or stays: writes the heartbeat of a consumer that is still registered.
-- Returns how many deliveries it holds, -1 when it was reaped.
local alive, consumers, held = unpack(KEYS)
local me, lease_ms, join = ARGV[1], ARGV[2], ARGV[3] == '1'
if join then
  redis.call('SADD', consumers, me)
elseif redis.call('SISMEMBER', consumers, me) == 0 then
  return -1
end
redis.call('SET', alive, me, 'PX', lease_ms)
return redis.call('HLEN', held)
