-- Without ids: the ids of what is pending for this consumer, at most 1,000 from `from` on. With ids: those of them that
-- still are, as a claim returns them. What has a delivery count has begun.
-- Returns {ids...}, or {entries packed in one string, the state of each}; {'gone'} when the group is.
local queue = KEYS[1]
local me, group, from = ARGV[1], ARGV[2], ARGV[3]
if not group_of(queue, group) then
  return { 'gone' }
end
if from ~= '' then
  local ids = {}
  for _, row in ipairs(redis.call('XPENDING', queue, group, from, '+', 1000, me)) do
    ids[#ids + 1] = row[1]
  end
  return ids
end
local texts, state = {}, {}
for i = 4, #ARGV do
  local row = redis.call('XPENDING', queue, group, ARGV[i], ARGV[i], 1, me)[1]
  local entry = row and redis.call('XRANGE', queue, ARGV[i], ARGV[i])[1]
  if entry then
    local payload, past = read(entry[2])
    texts[#texts + 1] = told(row[1], math.max(0, row[4] - 1), payload, past, entry[2])
    state[#state + 1] = row[4] > 0 and '1' or '0'
  elseif row then
    redis.call('XACK', queue, group, ARGV[i])
  end
end
return { cmsgpack.pack(texts), table.concat(state) }
