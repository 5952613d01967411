-- Counts what waits in a stream, and what each consumer holds.
-- Returns {entries waiting, the age of the oldest of them in ms or -1, name and count of each consumer...}.
local queue = KEYS[1]
local group = ARGV[1]
local info, groups = group_of(queue, group)
local _, length = last_id(queue)
local last = info and pair(info, 'last-delivered-id') or '0-0'
local parked, answer = 0, { 0, -1 }
if info then
  for _, one in ipairs(redis.call('XINFO', 'CONSUMERS', queue, group)) do
    if pair(one, 'name') == PARKED then
      parked = pair(one, 'pending')
    else
      answer[#answer + 1] = pair(one, 'name')
      answer[#answer + 1] = pair(one, 'pending')
    end
  end
end
local lag = info and groups > 1 and pair(info, 'lag')
local pending = info and pair(info, 'pending') or 0
answer[1] = lag and lag + parked or math.max(0, length - pending + parked)
local oldest = {
  parked > 0 and redis.call('XPENDING', queue, group, '-', '+', 1, PARKED)[1] or nil,
  length > 0 and redis.call('XRANGE', queue, '(' .. last, '+', 'COUNT', 1)[1] or nil,
}
for i = 1, 2 do
  local ms = oldest[i] and tonumber(string.match(oldest[i][1], '^(%d+)-'))
  -- An id that a producer chose need not be a time.
  if ms and ms > 1000000000000 then
    answer[2] = math.max(answer[2], now_ms() - ms)
  end
end
return answer
