-- Promotes what is due, then moves at most `max` entries from the queue into what this consumer holds.
-- Returns {first delivery, entries packed in one string}; {0, held, ms until the next one is due or -1} when there are
-- none; {-1} when the consumer was reaped.
local queue, held, delayed, deliveries, consumers = unpack(KEYS)
local me, max, side = ARGV[1], ARGV[2], ARGV[3]
if redis.call('SISMEMBER', consumers, me) == 0 then
  return { -1 }
end
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local due = redis.call('ZRANGEBYSCORE', delayed, '-inf', now, 'LIMIT', 0, 500)
if #due > 0 then
  local back = {}
  for i = #due, 1, -1 do
    back[#back + 1] = due[i]
  end
  -- First there, then gone here: a write that is refused must leave them where they are.
  redis.call(side .. 'PUSH', queue, unpack(back))
  redis.call('ZREM', delayed, unpack(due))
end
local entries = redis.call(side .. 'POP', queue, max)
if not entries then
  local next_due = redis.call('ZRANGE', delayed, 0, 0, 'WITHSCORES')[2]
  return { 0, redis.call('HLEN', held), next_due and math.max(0, next_due - now) or -1 }
end
local first = redis.call('INCRBY', deliveries, #entries) - #entries + 1
local pairs = {}
for i = 1, #entries do
  pairs[2 * i - 1] = first + i - 1
  pairs[2 * i] = entries[i]
end
redis.call('HSET', held, unpack(pairs))
return { first, cmsgpack.pack(entries) }
