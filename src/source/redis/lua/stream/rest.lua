-- What there still is for a run that ends when there is nothing more.
-- Returns {whether entries wait, entries delayed, consumers other than this one that hold something, whether this one does}.
local queue, delayed = unpack(KEYS)
local me, group = ARGV[1], ARGV[2]
local info = group_of(queue, group)
if not info then
  return { 0, redis.call('ZCARD', delayed), 0, 0 }
end
local parked, others, mine = 0, 0, 0
for _, one in ipairs(redis.call('XINFO', 'CONSUMERS', queue, group)) do
  if pair(one, 'pending') > 0 then
    local name = pair(one, 'name')
    if name == PARKED then
      parked = 1
    elseif name == me then
      mine = 1
    else
      others = others + 1
    end
  end
end
if parked == 0 then
  parked = #redis.call('XRANGE', queue, '(' .. pair(info, 'last-delivered-id'), '+', 'COUNT', 1)
end
return { parked, redis.call('ZCARD', delayed), others, mine }
