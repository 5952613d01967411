-- Gives back what a consumer holds of some batches, the latest first, so that they stand at the front of the queue in
-- their old order. 'release': it leaves by itself, nothing is counted. 'crash': it was reaped; what had begun counts as an
-- attempt and as a crash.
-- Returns {batches looked at, deliveries back, deliveries buried}; {'reaped'} when it cannot leave by itself any more.
local queue, held, dead, times = unpack(KEYS)
local manner, side, crashes_max, budget = ARGV[1], ARGV[2], tonumber(ARGV[3]), tonumber(ARGV[4])
local mark = redis.call('HGET', held, 'm')
if (manner == 'crash') ~= (mark == 'reaped') then
  return { mark == 'reaped' and 'reaped' or 'lost' }
end
redis.call('HDEL', held, '')
local now = now_ms()
local looked, back, buried, bytes = 0, 0, 0, 0
for i = 5, #ARGV do
  if back + buried >= budget or bytes > 1048576 then
    break
  end
  local first = ARGV[i]
  local both = redis.call('HMGET', held, first, 'e' .. first)
  local put = {}
  local entries = both[1] and cmsgpack.unpack(both[1]) or {}
  for index = #entries, 1, -1 do
    local entry, state = entries[index], string.sub(both[2] or '', index, index)
    if state ~= '2' then
      if manner == 'crash' and state == '1' then
        local past = history(entry)
        local payload = past and string.sub(entry, past.at) or entry
        past = past or { task = string.format('%.0f', first + index - 1), attempts = 0, crashes = 0, since = now }
        past.attempts = math.min(past.attempts + 1, 4294967295)
        past.crashes = math.min(past.crashes + 1, 4294967295)
        past.since = past.since == 0 and now or past.since
        if past.crashes >= crashes_max then
          local reason = string.format('delivered %.0f times to workers that died of it or vanished', past.crashes)
          bury(dead, times, past, payload, reason, now)
          entry, buried = nil, buried + 1
        else
          entry = wrap(past, payload)
        end
      end
      if entry then
        bytes = bytes + #entry
        put[#put + 1] = entry
      end
    end
  end
  if #put > 0 then
    redis.call(side .. 'PUSH', queue, unpack(put))
    back = back + #put
  end
  redis.call('HDEL', held, first, 'e' .. first)
  looked = looked + 1
end
return { looked, back, buried }
