-- Says how deliveries of a consumer ended, and which ones begin. Only what the group says to be pending for this consumer
-- is ended, so that a message can be repeated when its reply was lost.
-- Returns the number of the message; 'reaped', 'lost' or 'gone'.
local queue, held, delayed, dead, times, bell = unpack(KEYS)
local me, group, message, least, most = ARGV[1], ARGV[2], tonumber(ARGV[3]), ARGV[4], ARGV[5]
local begun_count, done_count = tonumber(ARGV[6]), tonumber(ARGV[7])
local wrong = trouble(held)
if wrong then
  return wrong
end
if not group_of(queue, group) then
  return 'gone'
end
-- A first write that a full server allows: those behind it may then go on.
redis.call('HDEL', held, '')
local now = now_ms()

local limit = 2 * (begun_count * 2 + done_count) + 64
local rows = redis.call('XPENDING', queue, group, least, most, limit, me)
local mine = {}
for i = 1, #rows do
  mine[rows[i][1]] = true
end
local function is_mine(id)
  return mine[id] or #rows == limit and #redis.call('XPENDING', queue, group, id, id, 1, me) == 1
end

local at = 8
local firsts = {}
for _ = 1, begun_count do
  local id, crashes = ARGV[at], tonumber(ARGV[at + 1])
  at = at + 2
  if is_mine(id) then
    if crashes == 0 then
      firsts[#firsts + 1] = id
    else
      claim_for(queue, group, me, crashes + 1, { id })
    end
  end
end
claim_for(queue, group, me, 1, firsts)

local ended = {}
for _ = 1, done_count do
  if is_mine(ARGV[at]) then
    ended[#ended + 1] = ARGV[at]
  end
  at = at + 1
end
drop(queue, group, ended)

while ARGV[at] do
  local id, verdict, after_ms, reason = ARGV[at], ARGV[at + 1], ARGV[at + 2], ARGV[at + 3]
  local past = {
    task = ARGV[at + 4],
    attempts = tonumber(ARGV[at + 5]),
    crashes = tonumber(ARGV[at + 6]),
    since = tonumber(ARGV[at + 7]),
  }
  local payload = ARGV[at + 8]
  at = at + 9
  if is_mine(id) then
    if verdict == 'release' then
      -- Deleted from the stream meanwhile, it is added again.
      if #claim_for(queue, group, PARKED, past.crashes, { id }) == 0 then
        add(queue, group, past, payload)
      end
      ring(bell)
    else
      put_aside(delayed, dead, times, verdict, past, payload, after_ms, reason, now)
      drop(queue, group, { id })
    end
  end
end
return message
