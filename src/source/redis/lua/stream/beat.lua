-- Joins (once) or stays: says that this consumer lives for another lease, and looks who else does. Whoever joins makes the
-- group, and with it the stream, when there is none.
-- Returns {state, now, pending entries of this consumer, at most one more than it knows of, whether there is work, ms until
-- the next delayed task or -1, the earliest deadline of all or -1, name, deadline and lease of each whose deadline is
-- over...}; {state} alone when it is 'reaped' or 'gone'.
local queue, held, delayed, beats, holders, sentry, wake = unpack(KEYS)
local me, lease_ms, joins, is_idle = ARGV[1], ARGV[2], ARGV[3] == '1', ARGV[4] == '1'
local prefix, group, known = ARGV[5], ARGV[6], tonumber(ARGV[7])
local state = joins and 'held' or trouble(held) or 'held'
if state == 'reaped' then
  return { state }
end
-- A first write that a full server allows: those behind it may then go on.
redis.call('HDEL', held, '')
if joins then
  local made = redis.pcall('XGROUP', 'CREATE', queue, group, '0', 'MKSTREAM')
  if type(made) == 'table' and made.err and not string.find(made.err, 'BUSYGROUP') then
    return made
  end
  redis.call('HSET', held, 'm', lease_ms)
end
local info = group_of(queue, group)
if not info then
  return { 'gone' }
end
local now = now_ms()
stay(beats, holders, me, now, lease_ms)
local watcher = keep_watch(sentry, wake, me, lease_ms, is_idle)
if watcher == me or joins then
  -- Whoever has entries and no heartbeat, a consumer of another program for example, gets a lease's time as well.
  for _, one in ipairs(redis.call('XINFO', 'CONSUMERS', queue, group)) do
    local name = pair(one, 'name')
    if name ~= PARKED and pair(one, 'pending') > 0 and redis.call('ZADD', beats, 'NX', now + lease_ms, name) == 1 then
      redis.call('SADD', holders, name)
    end
  end
end
local due = until_due(delayed, now)
local last, length = last_id(queue)
local has_work = due == 0 or length > 0 and last ~= pair(info, 'last-delivered-id')
  or #redis.call('XPENDING', queue, group, '-', '+', 1, PARKED) > 0
local mine = known < 1000 and #redis.call('XPENDING', queue, group, '-', '+', known + 1, me) or 0
local answer = { state, now, mine, has_work and 1 or 0, due }
add_overdue(answer, beats, prefix, now)
return answer
