-- Shared by the scripts that read or write entries.
--
-- An entry is a payload as its producer pushed it or, once it has a history, NUL task:attempts:crashes:since: payload.
-- No JSON begins with NUL. `since` is the time of the first failure in ms, 0 before it. `entry.rs` reads the same grammar;
-- whatever does not follow it to the letter is a payload.
local function number(text, max)
  if #text > 16 or (#text > 1 and string.byte(text) == 48) then
    return nil
  end
  local value = tonumber(text)
  return value <= max and value or nil
end

local function history(entry)
  if string.byte(entry) ~= 0 then
    return nil
  end
  local head = string.sub(entry, 1, 64)
  local task, attempts, crashes, since, at = string.match(head, '^%z(%d+):(%d+):(%d+):(%d+):()')
  if not task or string.sub(task, 1, 1) == '0' or not number(task, 9007199254740991) then
    return nil
  end
  attempts, crashes = number(attempts, 4294967295), number(crashes, 4294967295)
  since = number(since, 140737488355328)
  if not (attempts and crashes and since) then
    return nil
  end
  return { task = task, attempts = attempts, crashes = crashes, since = since, at = at }
end

local function wrap(it, payload)
  return '\0' .. string.format('%s:%.0f:%.0f:%.0f:', it.task, it.attempts, it.crashes, it.since) .. payload
end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end

-- An id that no other record has: what comes from outside may name any.
local function another_task(task)
  math.randomseed(tonumber(redis.call('TIME')[2]) + tonumber(string.sub(task, -9)))
  return string.format('%.0f', 1 + math.floor(math.random() * 4503599627370496))
end

-- The index first: a name without a record is passed over, a record without a name would not be found.
local function bury(dead, times, it, payload, reason, now)
  local task = it.task
  while redis.call('HEXISTS', dead, task) == 1 do
    task = another_task(task)
  end
  redis.call('ZADD', times, now, task)
  local head = string.format('%.0f:%.0f:%.0f:%.0f:%d:', now, it.since, it.attempts, it.crashes, #reason)
  redis.call('HSET', dead, task, head .. reason .. payload)
end

-- The state of a consumer's hash: nil while it is this consumer's.
local function trouble(held)
  local mark = redis.call('HGET', held, 'm')
  if not mark then
    return 'lost'
  end
  return mark == 'reaped' and 'reaped' or nil
end
