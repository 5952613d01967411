-- Takes a consumer out and gives back what it held, at most `max` at a time, the latest first, so that they stand at the
-- front of the queue in their old order. 'release': it leaves by itself, nothing is counted. 'crash': its heartbeat
-- ended, every delivery counts as an attempt and as a crash.
-- Returns {given back, buried, left}; {0, 0, -1} when there is nothing to take out.
local queue, held, dead, times, consumers, leaving, alive = unpack(KEYS)
local who, side, manner = ARGV[1], ARGV[2], ARGV[3]
local max, deliveries_max = tonumber(ARGV[4]), tonumber(ARGV[5])
if manner == 'crash' and redis.call('EXISTS', alive) == 1 then
  return { 0, 0, -1 }
end
if redis.call('SMOVE', consumers, leaving, who) == 0 and redis.call('SISMEMBER', leaving, who) == 0 then
  return { 0, 0, -1 }
end
local now = now_ms()
local all = redis.call('HKEYS', held)
table.sort(all, function(a, b) return tonumber(a) > tonumber(b) end)
local back, buried = 0, 0
for i = 1, math.min(#all, max) do
  local delivery = all[i]
  local entry = redis.call('HGET', held, delivery)
  if manner == 'crash' then
    local it = unwrap(entry, delivery)
    it.attempts, it.crashes = it.attempts + 1, it.crashes + 1
    if it.since == 0 then
      it.since = now
    end
    if it.crashes >= deliveries_max then
      local reason = string.format('delivered %.0f times to workers that died of it or vanished', it.crashes)
      bury(dead, times, it, reason, now)
      entry, buried = nil, buried + 1
    else
      entry = wrap(it)
    end
  end
  if entry then
    redis.call(side .. 'PUSH', queue, entry)
    back = back + 1
  end
  redis.call('HDEL', held, delivery)
end
local left = math.max(0, #all - max)
if left == 0 then
  redis.call('DEL', alive)
  redis.call('SREM', leaving, who)
end
return { back, buried, left }
