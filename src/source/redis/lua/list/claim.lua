-- Promotes what is due, then moves entries from the queue into a batch that this consumer holds: at most `max`, and no more
-- bytes than `bytes_max` unless the first one alone has them. A batch is named by the id of its first task, which the
-- consumer chose: asked again, because the reply was lost, it is the same batch.
-- Returns {first, the entries packed in one string, the state of each}; {0, ms until the next one is due or -1, whether
-- this consumer keeps watch, whether the next one is delivered alone} when there are none; {'reaped'} or {'lost'}.
local queue, held, delayed, sentry, wake = unpack(KEYS)
local me, first, max, bytes_max = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local startable, side, is_alone, lease_ms = tonumber(ARGV[5]), ARGV[6], ARGV[7] == '1', ARGV[8]
local wrong = trouble(held)
if wrong then
  return { wrong }
end
local again = redis.call('HMGET', held, first, 'e' .. first)
if again[1] then
  return { first, again[1], again[2] or '' }
end
-- A first write that a full server allows: those behind it may then go on.
redis.call('HDEL', held, '')
local now = now_ms()

local due = all_due(delayed, now, bytes_max)
if #due > 0 then
  local back = {}
  for i = #due, 1, -1 do
    back[#back + 1] = due[i]
  end
  redis.call(side .. 'PUSH', queue, unpack(back))
  redis.call('ZREM', delayed, unpack(due))
end

local entries, is_over, is_suspect = {}, false, false
local bytes = 0
while not is_over and #entries < max do
  -- The first by itself, then some at a time: a reply of many large ones would be made in vain.
  local at, count = #entries, math.min(#entries == 0 and 1 or 16, max - #entries)
  local got
  if side == 'R' then
    got = redis.call('LRANGE', queue, -at - count, -at - 1)
  else
    got = redis.call('LRANGE', queue, at, at + count - 1)
  end
  is_over = #got < count
  for i = 1, #got do
    local entry = side == 'R' and got[#got + 1 - i] or got[i]
    local past = history(entry)
    if past and past.crashes > 0 then
      -- Whoever was there when a consumer died comes alone.
      is_over, is_suspect = true, #entries == 0
      if is_suspect and is_alone then
        entries[1] = entry
      end
      break
    end
    bytes = bytes + #entry
    if #entries > 0 and bytes > bytes_max then
      is_over = true
      break
    end
    entries[#entries + 1] = entry
  end
end

if #entries == 0 then
  return { 0, until_due(delayed, now), take_watch(sentry, me, lease_ms), is_suspect and 1 or 0 }
end
local state = string.rep('1', math.min(#entries, startable)) .. string.rep('0', math.max(0, #entries - startable))
local packed = cmsgpack.pack(entries)
redis.call('HSET', held, first, packed, 'e' .. first, state)
if side == 'R' then
  redis.call('LTRIM', queue, 0, -#entries - 1)
else
  redis.call('LTRIM', queue, #entries, -1)
end
leave_watch(sentry, wake, me, function()
  return redis.call('EXISTS', queue) == 1
end)
return { first, packed, state }
