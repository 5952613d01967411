-- Adds what is due again, then takes entries: first those that were given back, then new ones; at most `max`, and no more
-- bytes than about `bytes_max` unless the first one alone has them.
-- Returns {first, the entries packed in one string, the state of each}; {0, ms until the next one is due or -1, whether
-- this consumer keeps watch, whether the next one is delivered alone, the last ids of stream and bell} when there are none;
-- {'reaped'}, {'lost'}, or {'gone'} when the group or the stream is.
local queue, held, delayed, sentry, wake, bell = unpack(KEYS)
local me, first, max, bytes_max = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local startable, group, is_alone, lease_ms = tonumber(ARGV[5]), ARGV[6], ARGV[7] == '1', ARGV[8]
local wrong = trouble(held)
if wrong then
  return { wrong }
end
if not group_of(queue, group) then
  return { 'gone' }
end
-- A first write that a full server allows: those behind it may then go on.
redis.call('HDEL', held, '')
local now = now_ms()

local due = all_due(delayed, now, bytes_max)
for i = 1, #due do
  local past = history(due[i])
  if past then
    add(queue, group, past, string.sub(due[i], past.at))
  else
    redis.call('XADD', queue, '*', 'payload', due[i])
  end
end
if #due > 0 then
  redis.call('ZREM', delayed, unpack(due))
end

local texts, begun, waiting, is_over, is_suspect, is_drained = {}, {}, {}, false, false, false
local bytes = 0
local function take(id, crashes, fields, count)
  local payload, past = read(fields)
  if past and past.group ~= group then
    -- Another group's retry.
    drop(queue, group, { id })
    return
  end
  if past and crashes < past.crashes then
    crashes = past.crashes
  end
  if crashes > 0 then
    -- Whoever was there when a consumer died comes alone.
    if #texts > 0 or not is_alone then
      claim_for(queue, group, PARKED, crashes, { id })
      is_suspect = is_suspect or #texts == 0
      return
    end
    is_over = true
  end
  texts[#texts + 1] = told(id, crashes, payload, past, fields)
  bytes = bytes + #texts[#texts]
  local wanted = #texts <= startable and crashes + 1 or crashes
  if wanted ~= count then
    if wanted == 1 then
      begun[#begun + 1] = id
    elseif wanted == 0 then
      waiting[#waiting + 1] = id
    else
      claim_for(queue, group, me, wanted, { id })
    end
  end
end

-- The first by itself, then as many at a time as are likely to fit.
local function share()
  if #texts == 0 then
    return 1
  end
  return math.min(64, max - #texts, math.floor((bytes_max - bytes) / (bytes / #texts)))
end

while not is_over and #texts < max and share() > 0 do
  local rows = redis.call('XPENDING', queue, group, '-', '+', share(), PARKED)
  if #rows == 0 then
    break
  end
  for _, row in ipairs(rows) do
    if row[4] > 0 and (#texts > 0 or not is_alone) then
      is_over, is_suspect = true, #texts == 0
    elseif not is_over then
      local got = redis.call('XCLAIM', queue, group, me, 0, row[1], 'RETRYCOUNT', row[4])[1]
      if got and got[2] then
        take(row[1], row[4], got[2], row[4])
      else
        -- It was deleted from the stream.
        redis.call('XACK', queue, group, row[1])
      end
    end
  end
end
while not is_over and #texts < max and share() > 0 do
  local count = share()
  local got = redis.call('XREADGROUP', 'GROUP', group, me, 'COUNT', count, 'STREAMS', queue, '>')
  got = got and got[1][2] or {}
  for _, entry in ipairs(got) do
    if entry[2] then
      take(entry[1], 0, entry[2], 1)
    else
      redis.call('XACK', queue, group, entry[1])
    end
  end
  is_drained = #got < count
  is_over = is_over or is_drained
end
claim_for(queue, group, me, 1, begun)
claim_for(queue, group, me, 0, waiting)

if #texts == 0 then
  return { 0, until_due(delayed, now), take_watch(sentry, me, lease_ms), is_suspect and 1 or 0, (last_id(queue)), (last_id(bell)) }
end
leave_watch(sentry, wake, me, function()
  return not is_drained
end)
local state = string.rep('1', math.min(#texts, startable)) .. string.rep('0', math.max(0, #texts - startable))
return { first, cmsgpack.pack(texts), state }
