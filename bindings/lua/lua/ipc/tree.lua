-- SPDX-License-Identifier: Apache-2.0
-- ipc.tree: torch-ipc's trees over a communicator. Reductions by functions of Lua go along the best
-- tree for where the ranks are; those that are known to mean an operator of ours go the native way,
-- if they are known on all ranks.
local native, recognise = ...
local describe, view, release, raise = native.describe, native.view, native.release, native.raise

-- Places in the row of numbers that all ranks add up before each reduction.
local contributing <const>, failing <const> = 1, 2
local place_of_op <const> = { sum = 3, prod = 4, min = 5, max = 6, avg = 7 }

-- Numbers before strings, each in their own order: the same on every rank.
local function comes_before(a, b)
  if type(a) == type(b) then return a < b end
  return type(a) == "number"
end

local function sorted_keys(t)
  local keys = {}
  for key in next, t do
    if type(key) ~= "number" and type(key) ~= "string" then
      error(("a table key is a %s; numbers and strings have the same order on every rank")
        :format(type(key)), 0)
    end
    keys[#keys + 1] = key
  end
  table.sort(keys, comes_before)
  return keys
end

-- Calls f(leaf, running index) for what is in `t`, and puts its results there, but for nil.
local function walk(t, f, index)
  for _, key in ipairs(sorted_keys(t)) do
    local value = t[key]
    if type(value) == "table" then
      index = walk(value, f, index)
    else
      index = index + 1
      local result = f(value, index)
      if result ~= nil then t[key] = result end
    end
  end
  return index
end

-- What no other node can be given.
local function check_leaf(value, what)
  local kind = type(value)
  if kind == "function" or kind == "thread" then
    error(("%s is a %s, which cannot be sent"):format(what, kind), 0)
  end
end

-- The leaves of `t` in order, and where each one is.
local function leaves_of(t, leaves)
  for _, key in ipairs(sorted_keys(t)) do
    if type(t[key]) == "table" then
      leaves_of(t[key], leaves)
    else
      check_leaf(t[key], "a leaf")
      local i = leaves.n + 1
      leaves.n, leaves.holders[i], leaves.keys[i], leaves[i] = i, t, key, t[key]
    end
  end
  return leaves
end

local function set_leaf(leaves, i, value)
  leaves[i] = value
  leaves.holders[i][leaves.keys[i]] = value
end

-- What a parent gets of `leaves`: where their memory is, if it can address that, else a copy.
local function message_of(leaves)
  local message, kinds = {}, {}
  for i = 1, leaves.n do
    local where = describe(leaves[i])
    message[i] = where or leaves[i]
    kinds[i] = where and "r" or "v"
  end
  message.n, message.kinds = leaves.n, table.concat(kinds)
  return message
end

-- Reduces the child's values into `leaves`. Views of its memory end here.
local function combine(leaves, message, f)
  if message.n ~= leaves.n then
    error(("the value has %d leaves here, and %d on the node below"):format(leaves.n, message.n), 0)
  end
  for i = 1, leaves.n do
    local is_view = message.kinds:sub(i, i) == "r"
    local theirs = message[i]
    if is_view then theirs = view(theirs) end
    local good, result = pcall(f, leaves[i], theirs)
    if is_view then release(theirs, good and rawequal(result, theirs)) end
    if not good then error(result, 0) end
    check_leaf(result, "its result")
    if result ~= nil then set_leaf(leaves, i, result) end
  end
end

-- Calls a method of `comm`. What is wrong with its arguments is told with the line of Lua that
-- called the tree, `level` above who calls this.
local function on_behalf(level, comm, method, ...)
  local good, result = pcall(comm[method], comm, ...)
  if not good then error(result, level + 1) end
  return result
end

local Tree = {}
Tree.__index = Tree

-- Raises on all ranks what went wrong on one: `text` there, nil on the others.
function Tree:raise_together(call, text)
  local comm = self.communicator
  local culprit = comm:allreduce(text and comm.rank or -1, "max")
  if culprit < 0 then return end
  local why = comm:broadcast(comm.rank == culprit and text or nil, culprit)
  local rank = comm.members[culprit + 1]
  raise("usage", rank, ("%s: the function failed on rank %d: %s"):format(call, rank, why))
end

-- Up the tree, then the root's values to all.
function Tree:reduce_along(leaves, f)
  local comm = self.communicator
  local is_good, text = true, nil
  for _, child in ipairs(self.children) do
    local message = comm:receive { from = child, tag = 0 }
    if not message then
      is_good = false
    elseif is_good then
      local good, what = pcall(combine, leaves, message, f)
      if not good then is_good, text = false, tostring(what) end
    end
  end
  if self.parent then
    on_behalf(5, comm, "send", is_good and message_of(leaves), self.parent)
  end
  -- No rank is here before all have been reduced: until then the memory of each one lies still.
  self:raise_together("allReduce", text)
  local results = {}
  for i = 1, leaves.n do results[i] = leaves[i] end
  results = on_behalf(5, comm, "broadcast", results, self.root)
  for i = 1, leaves.n do set_leaf(leaves, i, results[i]) end
end

-- One reduction that all ranks take part in. `failure`: this one cannot, and why.
function Tree:round(value, f, contributes, failure)
  local comm = self.communicator
  local good, leaves = pcall(leaves_of, value, { n = 0, holders = {}, keys = {} })
  if not good then failure, leaves = failure or leaves, { n = 0 } end
  local op = recognise(f, leaves)
  local votes = self.votes:zero()
  if contributes then votes[contributing] = 1 end
  if failure then votes[failing] = 1 end
  if op then votes[place_of_op[op]] = 1 end
  comm:allreduce(votes)
  if votes[failing] > 0 then self:raise_together("allReduce", failure and tostring(failure)) end
  self.rounds = self.rounds + 1
  if op and votes[place_of_op[op]] == comm.size then
    self.native_rounds = self.native_rounds + 1
    on_behalf(4, comm, "allreduce", value, op)
  else
    self:reduce_along(leaves, f)
  end
  return votes[contributing]
end

function Tree:all_reduce(value, f, zero)
  if not (type(f) == "function" or place_of_op[f]) then
    error("allReduce: expected a function, or one of 'sum', 'prod', 'min', 'max' and 'avg'", 3)
  end
  local list, is_table = value, type(value) == "table"
  if not is_table then list = { value } end
  if zero == nil then
    self.last, self.last_is_table = list, is_table
    local count = self:round(list, f, true)
    if is_table then return list, count end
    return list[1], count
  end
  if list[1] == nil and self.last then list, is_table = self.last, self.last_is_table end
  if next(list) == nil and not is_table then
    error("allReduce: zero stands for the last value, and there was none yet", 3)
  end
  local count
  repeat
    local good, failure = pcall(walk, list, zero, 0)
    count = self:round(list, f, false, not good and failure or nil)
  until count == 0
  if is_table then return list, count end
  return list[1], count
end

local function new_tree(communicator)
  local comm = communicator:split(0, communicator.rank)
  local parent, children = native.place(comm)
  local nodes = {}
  for i, child in ipairs(children) do nodes[i] = child + 1 end
  local self = setmetatable({
    communicator = comm, votes = require("torch").LongTensor(7), rounds = 0, native_rounds = 0,
    parent = parent, children = children,
    root = comm:allreduce(parent and 0 or comm.rank, "max"),
  }, Tree)
  return {
    nodeIndex = comm.rank + 1,
    numNodes = comm.size,
    parent = parent and parent + 1,
    children = nodes,
    walkTable = function(t, f)
      if type(t) ~= "table" then
        error("walkTable: expected a table, got " .. type(t), 2)
      end
      walk(t, f, 0)
    end,
    allReduce = function(value, f, zero)
      local result, count = self:all_reduce(value, f, zero)  -- no tail call: errors name lines
      return result, count
    end,
    scatter = function(value)
      local result = on_behalf(2, comm, "broadcast", value, 0)
      return result
    end,
    netStats = function()
      print(("node %d of %d: %d reductions, %d of them by operators that are known")
        :format(comm.rank + 1, comm.size, self.rounds, self.native_rounds))
    end,
  }
end

return new_tree
