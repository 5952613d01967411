-- Says how deliveries of a consumer ended, and which ones begin. The state of a batch has a character for each of its
-- deliveries: 0 waits, 1 has begun, 2 has ended. Each message has the whole state of its batches, so that it can be
-- repeated when its reply was lost; what is to be put somewhere is put only once, before its state says so.
-- Returns the number of the message; 'reaped' or 'lost'.
local queue, held, delayed, dead, times = unpack(KEYS)
local side, message = ARGV[1], tonumber(ARGV[2])
local wrong = trouble(held)
if wrong then
  return wrong
end
-- A first write that a full server allows: those behind it may then go on.
redis.call('HDEL', held, '')
local now = now_ms()

local written, ended = {}, {}
local at = 3
while ARGV[at] do
  local first, state, acts = ARGV[at], ARGV[at + 1], tonumber(ARGV[at + 2])
  local key = 'e' .. first
  at = at + 3
  local packed, old
  if acts > 0 then
    local both = redis.call('HMGET', held, first, key)
    packed, old = both[1], both[2] or ''
  end
  for _ = 1, acts do
    local index, verdict, after_ms, reason = tonumber(ARGV[at]), ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
    local start, length = tonumber(ARGV[at + 4]), tonumber(ARGV[at + 5])
    if packed and string.sub(old, index, index) ~= '2' then
      local past = {
        task = ARGV[at + 6],
        attempts = tonumber(ARGV[at + 7]),
        crashes = tonumber(ARGV[at + 8]),
        since = tonumber(ARGV[at + 9]),
      }
      local entry = string.sub(packed, start, start + length - 1)
      if verdict == 'release' then
        redis.call(side .. 'PUSH', queue, entry)
      else
        put_aside(delayed, dead, times, verdict, past, entry, after_ms, reason, now)
      end
      old = string.sub(old, 1, index - 1) .. '2' .. string.sub(old, index + 1)
      redis.call('HSET', held, key, old)
    end
    at = at + 10
  end
  if state == '' then
    ended[#ended + 1] = first
    ended[#ended + 1] = key
  else
    written[#written + 1] = key
    written[#written + 1] = state
  end
end
if #written > 0 then
  redis.call('HSET', held, unpack(written))
end
if #ended > 0 then
  redis.call('HDEL', held, unpack(ended))
end
return message
