-- Ends deliveries with verdicts other than done. Those no longer held were ended by an earlier try whose reply was lost.
-- Returns 0 when the consumer was reaped, else 1.
local queue, held, delayed, dead, times, consumers = unpack(KEYS)
local me, side = ARGV[1], ARGV[2]
if redis.call('SISMEMBER', consumers, me) == 0 then
  return 0
end
local now = now_ms()
for i = 3, #ARGV, 4 do
  local delivery, verdict, after_ms, reason = ARGV[i], ARGV[i + 1], ARGV[i + 2], ARGV[i + 3]
  local entry = redis.call('HGET', held, delivery)
  if entry then
    local it = unwrap(entry, delivery)
    if it.since == 0 then
      it.since = now
    end
    if verdict == 'release' then
      redis.call(side .. 'PUSH', queue, entry)
    elseif verdict == 'retry' then
      it.attempts = it.attempts + 1
      redis.call('ZADD', delayed, now + after_ms, wrap(it))
    else
      it.attempts = it.attempts + (verdict == 'dead' and 1 or 0)
      bury(dead, times, it, reason, now)
    end
    redis.call('HDEL', held, delivery)
  end
end
return 1
