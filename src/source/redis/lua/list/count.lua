-- Counts the deliveries that consumers hold. Returns a number for each.
local answer = {}
for i = 1, #KEYS do
  local states = {}
  for _, field in ipairs(redis.call('HKEYS', KEYS[i])) do
    if string.match(field, '^e%d') then
      states[#states + 1] = field
    end
  end
  local count = 0
  for at = 1, #states, 1000 do
    for _, state in ipairs(redis.call('HMGET', KEYS[i], unpack(states, at, math.min(at + 999, #states)))) do
      local _, waiting = string.gsub(state or '', '[01]', '')
      count = count + waiting
    end
  end
  answer[i] = count
end
return answer
