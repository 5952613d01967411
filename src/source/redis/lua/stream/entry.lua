-- Shared by the scripts of a stream.
--
-- What a consumer holds is what the group's list of pending entries says that it holds. The delivery count of a pending
-- entry counts the attempts that ended with their consumer, plus one while an attempt is under way. What is given back is
-- pending for a consumer that does not exist, PARKED, and is claimed before anything new.
local PARKED = 'fourfold:parked'

local function pair(flat, name)
  for i = 1, #flat, 2 do
    if flat[i] == name then
      return flat[i + 1]
    end
  end
end

-- The payload is an entry's only field or its field `payload`; nil when it has neither. A retry has its history in the
-- field `fourfold`, with the name of the group that tries again.
local function read(fields)
  if #fields == 2 then
    return fields[2]
  end
  local payload = pair(fields, 'payload')
  local text = payload and pair(fields, 'fourfold')
  local past = text and history('\0' .. text)
  if past then
    past.group = string.sub('\0' .. text, past.at)
  end
  return payload, past
end

-- What a dead letter keeps of an entry without a payload: all its fields, so that they can be added again.
local function all_fields(fields)
  return (string.gsub(cjson.encode(fields), '\\/', '/'))
end

-- An entry as the client reads it: id:crashes:kind and, by the kind, p payload, h history payload, x all fields.
local function told(id, crashes, payload, past, fields)
  local head = string.format('%s:%.0f:', id, crashes)
  if not payload then
    return head .. 'x' .. all_fields(fields)
  elseif past then
    past.attempts = past.attempts + math.max(0, crashes - past.crashes)
    return head .. 'h' .. string.sub(wrap(past, payload), 2)
  end
  return head .. 'p' .. payload
end

-- Adds a task again, with its history.
local function add(queue, group, past, payload)
  local text = string.format('%s:%.0f:%.0f:%.0f:%s', past.task, past.attempts, past.crashes, past.since, group)
  redis.call('XADD', queue, '*', 'payload', payload, 'fourfold', text)
end

local function claim_for(queue, group, who, count, ids)
  if #ids == 0 then
    return {}
  end
  local command = { 'XCLAIM', queue, group, who, 0 }
  for i = 1, #ids do
    command[#command + 1] = ids[i]
  end
  command[#command + 1] = 'RETRYCOUNT'
  command[#command + 1] = string.format('%.0f', count)
  command[#command + 1] = 'JUSTID'
  return redis.call(unpack(command))
end

-- Ends deliveries. An entry that another group may still want stays in the stream.
local function drop(queue, group, ids)
  if #ids == 0 then
    return
  end
  redis.call('XACK', queue, group, unpack(ids))
  if #redis.call('XINFO', 'GROUPS', queue) == 1 then
    redis.call('XDEL', queue, unpack(ids))
  end
end

-- Wakes the consumer that waits at the stream for what is not new there.
local function ring(bell)
  redis.call('XADD', bell, 'MAXLEN', 1, '*', 'b', '1')
end

-- The group as XINFO has it; nil when it is gone, or the stream is.
local function group_of(queue, group)
  local groups = redis.pcall('XINFO', 'GROUPS', queue)
  if groups.err then
    if string.find(groups.err, 'no such key') then
      return nil
    end
    error(groups.err, 0)
  end
  for _, one in ipairs(groups) do
    if pair(one, 'name') == group then
      return one, #groups
    end
  end
end

local function last_id(key)
  local info = redis.pcall('XINFO', 'STREAM', key)
  return info.err and '0-0' or pair(info, 'last-generated-id'), info.err and 0 or pair(info, 'length')
end
