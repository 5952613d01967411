-- Gives back what is pending for a consumer, some at a time. 'release': it leaves by itself, nothing is counted. 'crash':
-- it was reaped; what had begun counts as an attempt and as a crash. Of a consumer without a heartbeat only what it has not
-- touched for a lease is taken.
-- Returns {entries looked at, deliveries back, deliveries buried, entries that were deleted from the stream meanwhile};
-- {'reaped'} when it cannot leave by itself any more.
local queue, held, dead, times, bell = unpack(KEYS)
local manner, who, group, crashes_max, budget = ARGV[1], ARGV[2], ARGV[3], tonumber(ARGV[4]), tonumber(ARGV[5])
local idle_ms = ARGV[6]
local mark = redis.call('HGET', held, 'm')
if (manner == 'crash') ~= (mark == 'reaped') then
  return { mark == 'reaped' and 'reaped' or 'lost' }
end
if not group_of(queue, group) then
  return { 0, 0, 0, 0 }
end
redis.call('HDEL', held, '')
local now = now_ms()
local rows = redis.call('XPENDING', queue, group, 'IDLE', idle_ms, '-', '+', budget, who)
local by_count, buried, lost = {}, 0, 0
for _, row in ipairs(rows) do
  local id, count = row[1], row[4]
  if manner == 'release' then
    count = math.max(0, count - 1)
  end
  local entry = manner == 'crash' and count >= crashes_max and redis.call('XRANGE', queue, id, id)[1]
  if entry then
    local payload, past = read(entry[2])
    if not past then
      local ms, sequence = string.match(id, '^(%d+)-(%d+)$')
      local task = string.format('%.0f', (ms % 2199023255552) * 4096 + sequence % 4096)
      past = { task = task == '0' and '1' or task, attempts = 0, crashes = 0, since = now }
    end
    past.attempts = math.min(past.attempts + count - past.crashes, 4294967295)
    past.crashes = count
    past.since = past.since == 0 and now or past.since
    local reason = string.format('delivered %.0f times to workers that died of it or vanished', count)
    bury(dead, times, past, payload or '\0fields:' .. all_fields(entry[2]), reason, now)
    drop(queue, group, { id })
    buried = buried + 1
  else
    by_count[count] = by_count[count] or {}
    table.insert(by_count[count], id)
  end
end
local back = 0
for count, ids in pairs(by_count) do
  local parked = #claim_for(queue, group, PARKED, count, ids)
  back = back + parked
  lost = lost + #ids - parked
end
if back > 0 then
  ring(bell)
end
return { #rows, back, buried, lost }
