-- Forgets a consumer that holds nothing any more.
-- Returns 1; 0 when it holds something after all.
local held, beats, holders, sentry, wake, queue, bell = unpack(KEYS)
local who, group, lease_ms = ARGV[1], ARGV[2], ARGV[3]
local has_group = group_of(queue, group)
if has_group and #redis.call('XPENDING', queue, group, '-', '+', 1, who) > 0 then
  -- Another program's consumer that lives: it is looked at again when it could have stopped.
  redis.call('HDEL', held, 'm')
  redis.call('ZADD', beats, 'XX', now_ms() + lease_ms, who)
  return 0
end
if has_group then
  redis.call('XGROUP', 'DELCONSUMER', queue, group, who)
end
if strike_off(held, beats, holders, sentry, wake, who) then
  redis.call('DEL', wake, bell)
  if has_group and #redis.call('XPENDING', queue, group, '-', '+', 1, PARKED) == 0 then
    redis.call('XGROUP', 'DELCONSUMER', queue, group, PARKED)
  end
end
return 1
