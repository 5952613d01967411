-- Shared by the scripts that end deliveries.
--
-- An entry is a payload as its producer pushed it or, once it has a history, NUL task:attempts:crashes:since: payload.
-- No JSON begins with NUL. `since` is when it first failed, in ms.
local function unwrap(entry, delivery)
  local task, attempts, crashes, since, at = string.match(entry, '^%z(%d+):(%d+):(%d+):(%d+):()')
  if not task then
    return { task = delivery, attempts = 0, crashes = 0, since = 0, payload = entry }
  end
  return {
    task = task,
    attempts = tonumber(attempts),
    crashes = tonumber(crashes),
    since = tonumber(since),
    payload = string.sub(entry, at),
  }
end

local function wrap(it)
  local history = string.format('%s:%.0f:%.0f:%.0f:', it.task, it.attempts, it.crashes, it.since)
  return '\0' .. history .. it.payload
end

local function bury(dead, times, it, reason, now)
  local history = string.format('%.0f:%.0f:%.0f:%.0f:%d:', now, it.since, it.attempts, it.crashes, #reason)
  redis.call('HSET', dead, it.task, history .. reason .. it.payload)
  redis.call('ZADD', times, now, it.task)
end

local function now_ms()
  local time = redis.call('TIME')
  return time[1] * 1000 + math.floor(time[2] / 1000)
end
