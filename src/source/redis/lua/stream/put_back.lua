-- Adds tasks again whose entries the server has lost together with the group. Returns how many.
local queue, held = unpack(KEYS)
local group = ARGV[1]
if trouble(held) == 'reaped' then
  return 'reaped'
end
redis.call('HDEL', held, '')
local count = 0
for i = 2, #ARGV, 6 do
  -- The group is made anew from the stream's beginning: what is still there is delivered again.
  if #redis.call('XRANGE', queue, ARGV[i], ARGV[i]) == 0 then
    local past = { task = ARGV[i + 1], attempts = ARGV[i + 2], crashes = ARGV[i + 3], since = ARGV[i + 4] }
    add(queue, group, past, ARGV[i + 5])
    count = count + 1
  end
end
return count
