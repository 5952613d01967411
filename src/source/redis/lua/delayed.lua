-- Shared by the scripts that delay tasks, and take them back when they are due.

-- Milliseconds until the next one is due, or -1.
local function until_due(delayed, now)
  local due = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]
  return due and math.max(0, math.ceil(due - now)) or -1
end

-- What is due now: about 480 at most, and little more than `bytes_max` bytes.
local function all_due(delayed, now, bytes_max)
  local due, bytes = {}, 0
  repeat
    local more = redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', #due, #due == 0 and 1 or 16)
    for i = 1, #more do
      bytes = bytes + #more[i]
      due[#due + 1] = more[i]
    end
  until #more == 0 or #due > 480 or bytes > bytes_max
  return due
end

-- Puts a task that failed where it goes: among the delayed or among the dead.
local function put_aside(delayed, dead, times, verdict, past, payload, after_ms, reason, now)
  if past.since == 0 then
    past.since = now
  end
  if verdict == 'retry' then
    past.attempts = past.attempts + 1
    -- An equal member is another task, with an id that was made up outside.
    while redis.call('ZADD', delayed, 'NX', now + after_ms, wrap(past, payload)) == 0 do
      past.task = another_task(past.task)
    end
  else
    past.attempts = past.attempts + (verdict == 'dead' and 1 or 0)
    bury(dead, times, past, payload, reason, now)
  end
end
