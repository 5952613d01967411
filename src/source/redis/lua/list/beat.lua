-- Joins (once) or stays: says that this consumer lives for another lease, and looks who else does.
-- Returns {state, now, fields of the hash, whether there is work, ms until the next delayed task or -1, the earliest
-- deadline of all or -1, name, deadline and lease of each whose deadline is over...}; {state} alone when it is 'reaped'.
local queue, held, delayed, beats, holders, sentry, wake = unpack(KEYS)
local me, lease_ms, joins, is_idle = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4] == '1'
local prefix = ARGV[5]
local state = joins and 'held' or trouble(held) or 'held'
if state == 'reaped' then
  return { state }
end
-- A first write that a full server allows: those behind it may then go on.
redis.call('HDEL', held, '')
if joins then
  redis.call('HSET', held, 'm', lease_ms)
end
local now = now_ms()
redis.call('SADD', holders, me)
redis.call('ZADD', beats, now + lease_ms, me)
if redis.call('SCARD', holders) ~= redis.call('ZCARD', beats) then
  -- One of the two was lost: each can be made from the other. Whoever is written down anew gets a lease's time.
  for _, name in ipairs(redis.call('SMEMBERS', holders)) do
    redis.call('ZADD', beats, 'NX', now + lease_ms, name)
  end
  for _, name in ipairs(redis.call('ZRANGE', beats, 0, -1)) do
    redis.call('SADD', holders, name)
  end
end
local watcher = redis.call('GET', sentry)
if watcher == me then
  redis.call('PEXPIRE', sentry, lease_ms)
elseif not watcher and is_idle and redis.call('LLEN', wake) == 0 then
  redis.call('RPUSH', wake, '1')
end
local due = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]
due = due and math.max(0, math.ceil(due - now)) or -1
local has_work = redis.call('EXISTS', queue) == 1 or due == 0
local earliest = redis.call('ZRANGE', beats, 0, 0, 'WITHSCORES')[2]
local answer = { state, now, redis.call('HLEN', held), has_work and 1 or 0, due, earliest or '-1' }
local over = redis.call('ZRANGEBYSCORE', beats, '-inf', now, 'WITHSCORES', 'LIMIT', 0, 16)
for i = 1, #over, 2 do
  answer[#answer + 1] = over[i]
  answer[#answer + 1] = over[i + 1]
  answer[#answer + 1] = redis.call('HGET', prefix .. over[i], 'm') or ''
end
return answer
