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
stay(beats, holders, me, now, lease_ms)
keep_watch(sentry, wake, me, lease_ms, is_idle)
local due = until_due(delayed, now)
local has_work = redis.call('EXISTS', queue) == 1 or due == 0
local answer = { state, now, redis.call('HLEN', held), has_work and 1 or 0, due }
add_overdue(answer, beats, prefix, now)
return answer
