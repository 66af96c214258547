-- SPDX-License-Identifier: Apache-2.0
-- send and receive.
local use <const> = ...
local core, state, errors = use "core", use "state", use "errors"
local options, handles, life = use "options", use "handles", use "life"
local torch = require "torch"
local messages = {}

local data <const> = state.tags.data

-- A setting of the parent's that came since the last look.
local function hear_control(record)
  while record.link:is_ready(state.tags.control) do
    local good, setting = record.link:receive(state.tags.control, 0)
    if not good then return end
    if setting.lag then
      state.lag = setting.lag
      life.set_lag(record)
    end
  end
end

---Sends the value, put together once, to all; raises the first failure, after all were tried.
function messages.send_all(members, tag, value, timeout)
  local index, code, message = errors.call(core.send, handles.links(members), tag, value, timeout)
  if index then error(life.loss(members[index], code, message), 0) end
end

local function prepare(record)
  if record.kind == "child" then
    if life.check(record) then error(life.error_of(record), 0) end
  elseif record.kind == "parent" then
    hear_control(record)
  end
end

handles.method("send", function(process, value, given)
  -- send(p:receive()) hands on the `true` that receive gives beside the value.
  if given == true then given = nil end
  local timeout = given and options.timeout(given, "send")
  local one = handles.record(process)
  if one then
    prepare(one)
    local index, code, message = errors.call(core.send, one.link, data, value, timeout)
    if index then error(life.loss(one, code, message), 0) end
    return
  end
  local members = handles.members(process, "send")
  for _, record in ipairs(members) do prepare(record) end
  messages.send_all(members, data, value, timeout)
end)

---True and the next value; or false, when there is none within the timeout. With a timeout of 0 a
---process that has ended well counts as one that says nothing.
function messages.take(record, timeout)
  local kept = record.kept
  if kept then
    record.kept = nil
    return true, kept[1]
  end
  if record.closed then
    if timeout == 0 and record.ended.good then return false end
    error(life.error_of(record), 0)
  end
  local good, value, message = errors.call(record.link.receive, record.link, data, timeout)
  if good then
    if record.ended then life.let_go(record) end
    return true, value
  end
  if value == "timeout" then
    if timeout ~= 0 or not life.ended(record, 0) then return false end
    -- It may have sent something between the two looks.
    good, value, message = errors.call(record.link.receive, record.link, data, 0)
    if good then
      life.let_go(record)
      return true, value
    end
    value = "peer_lost"
  end
  local loss = life.loss(record, value, message)
  if record.ended then life.let_go(record) end
  if timeout == 0 and loss.code == "child_ended" then return false end
  error(loss, 0)
end

---Gives a value back to be taken next.
function messages.keep(record, value)
  record.kept = { value }
end

local function raise_timeout(members)
  errors.raise("timeout", ("parallel: receive: nothing came from %s in time"):format(
    #members == 1 and members[1].name or ("%d of the processes"):format(#members)))
end

-- Puts what came where it was asked for: a storage or tensor of the same type, which gets its size.
local function store(record, value, target)
  if target == nil then return value end
  local wanted, got = torch.typename(target), torch.typename(value)
  if wanted == nil then
    messages.keep(record, value)
    errors.usage("receive: a tensor or storage is wanted to receive into, and this is a %s",
      type(target))
  end
  if wanted ~= got then
    messages.keep(record, value)
    errors.raise("mismatch", ("parallel: receive: %s sent a %s, which does not fit a %s; the next "
      .. "receive gets it"):format(record.name, got or type(value), wanted))
  end
  if wanted:find("Storage$") then
    if #target ~= #value then target:resize(#value) end
  else
    target:resizeAs(value)
  end
  return target:copy(value)
end

local function receive_one(record, target, timeout)
  local good, value = messages.take(record, timeout)
  if good then return store(record, value, target), true end
  if timeout ~= 0 then raise_timeout { record } end
end

-- Takes from whoever has something, until all have given one. What came before an error is kept.
local function gather(members, timeout)
  local values, waiting = {}, {}
  local deadline = timeout and life.clock() + timeout
  for i in ipairs(members) do waiting[i] = i end
  local function look(position, wait)
    local i = waiting[position]
    local good, came, value = pcall(messages.take, members[i], wait)
    if good and came then
      values[i] = { value }
      table.remove(waiting, position)
      return true
    elseif not good then
      for other, had in pairs(values) do messages.keep(members[other], had[1]) end
      error(came, 0)
    end
  end
  for position = #waiting, 1, -1 do
    local record = members[waiting[position]]
    if record.closed and not record.kept then
      look(position, timeout)
    elseif record.kept or timeout == 0 then
      look(position, 0)
    end
  end
  if timeout == 0 then return values end
  while #waiting > 0 do
    local links = {}
    for position, i in ipairs(waiting) do links[position] = members[i].link end
    local left = deadline and math.max(deadline - life.clock(), 0)
    local position = core.wait_any(links, data, 1, left)
    if position then
      look(position, nil)
    else
      for other, had in pairs(values) do messages.keep(members[other], had[1]) end
      local late = {}
      for at, i in ipairs(waiting) do late[at] = members[i] end
      raise_timeout(late)
    end
  end
  return values
end

-- Values by the keys of the group, in `target` when there is one; its values are received into.
local function receive_group(group, target, timeout)
  local members, keys = handles.members(group, "receive")
  local values = gather(members, timeout)
  local results = target or {}
  for i, key in ipairs(keys) do
    local good, stored = true, nil
    if values[i] then
      good, stored = pcall(store, members[i], values[i][1], target and target[key])
    end
    if not good then
      for j = i + 1, #keys do
        if values[j] then messages.keep(members[j], values[j][1]) end
      end
      error(stored, 0)
    end
    if values[i] then results[key] = stored end
  end
  return results, true
end

handles.method("receive", function(process, target, given)
  if target == "noblock" or options.is_table(target) then target, given = nil, target end
  local timeout = options.timeout(given, "receive")
  local record = handles.record(process)
  if record then return receive_one(record, target, timeout) end
  return receive_group(process, target, timeout)
end)

-- Where to begin to look in a group, so that nobody is heard twice while others wait.
local turns = setmetatable({}, { __mode = "k" })

---The first of `members` that has a message, or will have none any more, from number `first` on:
---its position; nil: none.
function messages.any(members, first, timeout)
  local n = #members
  for i = 0, n - 1 do
    local position = (first - 1 + i) % n + 1
    if members[position].kept or members[position].closed then return position end
  end
  return core.wait_any(handles.links(members), data, first, timeout)
end

handles.group_method("receiveAny", function(group, given)
  local timeout = options.timeout(given, "receiveAny")
  local deadline = timeout and life.clock() + timeout
  local members = handles.members(group, "receiveAny")
  local first = turns[group] or 1
  while #members > 0 do
    if first > #members then first = 1 end
    local left = deadline and math.max(deadline - life.clock(), 0)
    local position = messages.any(members, first, left)
    if position == nil then
      if timeout == 0 then return end
      raise_timeout(members)
    end
    local record = members[position]
    local good, value = messages.take(record, 0)
    if good then
      turns[group] = position + 1
      return value, record.handle
    end
    life.check_end(record)
    table.remove(members, position)
    first = position
  end
  if timeout == 0 then return end
  errors.raise("child_ended", "parallel: receiveAny: all processes of the group have ended")
end)

local function has_message(record)
  return record.kept ~= nil or not record.closed and record.link:is_ready(data)
end

---Whether a process has a message for us; of a group, the first that has, or nil.
handles.method("probe", function(process)
  local one = handles.record(process)
  if one then return has_message(one) end
  for _, record in ipairs(handles.members(process, "probe")) do
    if has_message(record) then return record.handle end
  end
end)

return messages
