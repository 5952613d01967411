-- Shared by the scripts that keep the book of consumers: their heartbeats, and who of them keeps watch.

-- Says that a consumer lives for another lease. One of the two books may be lost: each can be made from the other, and
-- whoever is written down anew gets a lease's time.
local function stay(beats, holders, me, now, lease_ms)
  redis.call('SADD', holders, me)
  redis.call('ZADD', beats, now + lease_ms, me)
  if redis.call('SCARD', holders) ~= redis.call('ZCARD', beats) then
    for _, name in ipairs(redis.call('SMEMBERS', holders)) do
      redis.call('ZADD', beats, 'NX', now + lease_ms, name)
    end
    for _, name in ipairs(redis.call('ZRANGE', beats, 0, -1)) do
      redis.call('SADD', holders, name)
    end
  end
end

-- Lets somebody idle look at the queue, unless somebody is called already.
local function call_one(wake)
  if redis.call('LLEN', wake) == 0 then
    redis.call('RPUSH', wake, '1')
  end
end

-- Goes on with the watch, or calls for somebody to take it. Returns who keeps it.
local function keep_watch(sentry, wake, me, lease_ms, is_idle)
  local watcher = redis.call('GET', sentry)
  if watcher == me then
    redis.call('PEXPIRE', sentry, lease_ms)
  elseif not watcher and is_idle then
    call_one(wake)
  end
  return watcher
end

-- Takes the watch if nobody has it. Returns 1 where this consumer has it now, 0 otherwise.
local function take_watch(sentry, me, lease_ms)
  local watcher = redis.call('GET', sentry)
  if watcher and watcher ~= me then
    return 0
  end
  redis.call('SET', sentry, me, 'PX', lease_ms)
  return 1
end

-- Whoever keeps watch and has something to do lets the next one watch; what is left is for another one.
local function leave_watch(sentry, wake, me, has_more)
  local watcher = redis.call('GET', sentry)
  if watcher == me then
    redis.call('DEL', sentry)
  end
  if watcher and (watcher == me or has_more()) then
    call_one(wake)
  end
end

-- Adds the earliest deadline of all to the answer, or -1, then name, deadline and lease of each whose deadline is over.
local function add_overdue(answer, beats, prefix, now)
  answer[#answer + 1] = redis.call('ZRANGE', beats, 0, 0, 'WITHSCORES')[2] or '-1'
  local over = redis.call('ZRANGEBYSCORE', beats, '-inf', now, 'WITHSCORES', 'LIMIT', 0, 16)
  for i = 1, #over, 2 do
    answer[#answer + 1] = over[i]
    answer[#answer + 1] = over[i + 1]
    answer[#answer + 1] = redis.call('HGET', prefix .. over[i], 'm') or ''
  end
end

-- Strikes a consumer off. One that was reaped may still be about: for an hour its hash says so.
-- Returns whether it was the last.
local function strike_off(held, beats, holders, sentry, wake, who)
  redis.call('ZREM', beats, who)
  redis.call('SREM', holders, who)
  if redis.call('HGET', held, 'm') == 'reaped' then
    redis.call('PEXPIRE', held, 3600000)
  else
    redis.call('DEL', held)
  end
  if redis.call('GET', sentry) == who then
    redis.call('DEL', sentry)
    call_one(wake)
  end
  return redis.call('ZCARD', beats) == 0
end
