-- What there still is for a run that ends when there is nothing more.
-- Returns {entries queued, entries delayed, consumers other than this one that hold something, whether this one does}.
local queue, delayed, holders = unpack(KEYS)
local me, prefix = ARGV[1], ARGV[2]
local others, mine = 0, 0
for _, name in ipairs(redis.call('SMEMBERS', holders)) do
  -- Beside its batches a consumer's hash has one field, which says whose it is.
  if redis.call('HLEN', prefix .. name) > 1 then
    if name == me then
      mine = 1
    else
      others = others + 1
    end
  end
end
return { redis.call('LLEN', queue), redis.call('ZCARD', delayed), others, mine }
