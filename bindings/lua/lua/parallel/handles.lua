-- SPDX-License-Identifier: Apache-2.0
-- Handles of processes, and groups of them. A handle is a table of its owner's, with fields that
-- scripts read; what it stands for is in a record, which only these files see:
--   link    the connection (core)
--   kind    "child", "parent" or "rank"
--   kept    {value}: a message that was received and not given out yet
--   ended   how it ended, once that is known
--   seen    its failure has been told
--   closed  the connection is closed: it has ended, and all that it sent was received
local use <const> = ...
local state, errors = use "state", use "errors"
local handles = {}

local records = setmetatable({}, { __mode = "k" })
local handle_methods, group_methods = {}, {}

local handle_meta = { __index = handle_methods, __name = "parallel.Process" }
function handle_meta.__tostring(handle)
  local record = records[handle]
  local pid = handle.unixid and (" (pid %s)"):format(handle.unixid) or ""
  return ("%s%s"):format(record and record.name or "process", pid)
end

local group_meta = { __index = group_methods, __name = "parallel.Group" }

---Makes `f` a function of the module and a method of handles and groups.
function handles.method(name, f)
  state.parallel[name] = f
  handle_methods[name] = f
  group_methods[name] = f
end

function handles.group_method(name, f)
  state.parallel[name] = f
  group_methods[name] = f
end

---What `<close>` does with a handle and with a group.
function handles.on_close(f)
  handle_meta.__close = f
  group_meta.__close = f
end

---A handle with these fields, for this record.
function handles.new(fields, record)
  records[fields] = record
  record.handle = fields
  return setmetatable(fields, handle_meta)
end

---A table as a group: its methods do not show in pairs(), unless it has a metatable of its own.
function handles.fill(group)
  if type(group) ~= "table" then
    errors.usage("_fill: a table of processes is wanted, and this is a %s", type(group))
  end
  if getmetatable(group) == nil then return setmetatable(group, group_meta) end
  for name, method in pairs(group_methods) do group[name] = method end
  return group
end

---The record of a handle; nil for anything else.
function handles.record(value)
  return records[value]
end

-- Numbers before strings, each in their own order; others as they come.
local function comes_before(a, b)
  local first, second = type(a), type(b)
  if first ~= second then return first < second end
  return (first == "number" or first == "string") and a < b
end

---The records of a handle or group, in the order of its keys; and the keys.
function handles.members(value, operation)
  if records[value] then return { records[value] }, { value.id } end
  if type(value) ~= "table" then
    errors.usage("%s: a process or a group of processes is wanted, and this is a %s", operation,
      type(value))
  end
  local keys, found = {}, {}
  for key, entry in next, value do
    if records[entry] then keys[#keys + 1] = key end
  end
  if #keys == 0 and value.id ~= nil then
    errors.usage("%s: process %s is not one that this process can reach", operation,
      tostring(value.id))
  end
  table.sort(keys, comes_before)
  for i, key in ipairs(keys) do found[i] = records[value[key]] end
  return found, keys
end

---The links of records.
function handles.links(members)
  local links = {}
  for i, record in ipairs(members) do links[i] = record.link end
  return links
end

return handles
