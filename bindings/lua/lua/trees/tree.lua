-- SPDX-License-Identifier: Apache-2.0
-- What trees of torch-ipc do, whatever carries them: an engine moves values between the nodes (see
-- members.lua and links.lua). Reductions by functions of Lua go along the tree; those that are
-- known to mean an operator of ours go the native way, if they are known on all nodes.
local use = ...
local native, recognise, leaves_of = use "core", use "recognise", use "leaves"

-- Places in the row of numbers that all nodes add up before each reduction.
local contributing <const>, failing <const>, layout <const> = 1, 2, 8
local place_of_op <const> = { sum = 3, prod = 4, min = 5, max = 6, avg = 7 }

-- Reduces the values of the child `i`, which it gives one by one, into `leaves`.
local function combine(engine, leaves, message, f)
  for i = 1, leaves.n do
    local theirs = engine:open_leaf(message, i)
    engine.is_in_function = true
    local good, result = pcall(native.call, f, leaves[i], theirs)  -- who yields would not return
    engine.is_in_function = false
    engine:close_leaf(message, i, theirs, good and rawequal(result, theirs))
    if not good then error(result, 0) end
    leaves_of.check(result, "its result")
    if result ~= nil then leaves_of.set(leaves, i, result) end
  end
end

local Tree = {}
Tree.__index = Tree

-- What a child has sent, into `leaves`; nil, or why it cannot be.
local function take_in(engine, leaves, message, f)
  local fits, difference = pcall(leaves_of.compare, leaves, message.outline)
  if not fits then
    return { node = engine.node, code = "mismatch", what = "the values differ: on",
             text = difference }
  end
  if type(f) == "string" then
    return { node = engine.node, code = "mismatch", what = "the operators differ: on",
             text = ("it is '%s', on others another, or a function"):format(f) }
  end
  local good, what = pcall(combine, engine, leaves, message, f)
  if not good then return { node = engine.node, text = tostring(what) } end
end

-- Up the tree, then the root's values to all.
function Tree:reduce_along(leaves, f)
  local engine = self.engine
  local is_good, failure = true, nil
  for i = 1, #engine.children do
    local message, below = engine:receive_from(i)
    if not message then
      is_good, failure = false, failure or below
    elseif is_good then
      failure = take_in(engine, leaves, message, f)
      is_good = failure == nil
    end
  end
  if engine.parent then
    engine:send_up(is_good and leaves, leaves_of.outline(leaves), failure)
  end
  -- No node goes on before all have been reduced: until then the memory of each one lies still.
  local results = engine:settle(leaves, failure)
  for i = 1, leaves.n do leaves_of.set(leaves, i, results[i]) end
end

-- What is wrong with a call, with its line.
local function complaint(problem)
  return type(problem) == "string" and native.at_line(problem) or tostring(problem)
end

-- One reduction that all nodes take part in. `failure`: this one cannot, and why. `mismatch`: it
-- has tried without a vote.
function Tree:round(value, f, contributes, failure, mismatch)
  local engine = self.engine
  local good, leaves = pcall(leaves_of.all, value)
  if not good then failure, leaves = failure or leaves, { n = 0, paths = {} } end
  local op = good and recognise(f, leaves_of.kinds(value)) or nil
  local votes = self.votes:zero()
  if contributes then votes[contributing] = 1 end
  if op then
    votes[place_of_op[op]] = 1
    local fine, hash = pcall(engine.layout, engine, value, op)
    if fine then votes[layout] = hash else failure = failure or complaint(hash) end
  end
  if failure then votes[failing] = 1 end
  local own_layout = votes[layout]
  if not engine:agree(votes, mismatch) then self.votes_first = true end
  if votes[failing] > 0 then
    engine:raise_together(failure and { node = engine.node, text = tostring(failure) })
  end
  self.rounds = self.rounds + 1
  if op and votes[place_of_op[op]] == engine.nodes then
    self.votes_first = votes[contributing] < engine.nodes or not engine.allreduce_at_once
    if votes[layout] ~= own_layout * engine.nodes then engine:raise_layouts(value) end
    self.native_rounds = self.native_rounds + 1
    engine:allreduce(value, op)
  else
    self:reduce_along(leaves, f)
  end
  return votes[contributing]
end

-- Most reductions are alike on all nodes: all give a value of one shape, and know the operator. So
-- who is in that case begins at once, without a vote. Where one is not, all learn so before
-- anything has moved, and vote, until they are alike again. True and the result; or false, and the
-- mismatch.
function Tree:reduce_at_once(value, f)
  local op = not self.votes_first and recognise(f, leaves_of.kinds(value))
  if not op then return false end
  local engine = self.engine
  local good, result = pcall(engine.allreduce_at_once, engine, value, op)
  if good then
    self.rounds, self.native_rounds = self.rounds + 1, self.native_rounds + 1
    return true, result
  end
  local code = type(result) == "table" and result.code or "usage"
  if code == "mismatch" then return false, result end
  if code == "usage" then return false end  -- nobody has heard of it: votes tell them
  engine:tell(result, 4)
end

function Tree:all_reduce(value, f, zero)
  if not (type(f) == "function" or place_of_op[f]) then
    error("allReduce: expected a function, or one of 'sum', 'prod', 'min', 'max' and 'avg'", 3)
  end
  if zero ~= nil and type(zero) ~= "function" then
    error("allReduce: zero: expected a function, got " .. type(zero), 3)
  end
  local list, is_table = value, type(value) == "table"
  if not is_table then list = { value } end
  if zero == nil then
    self.last, self.last_is_table = list, is_table
    local is_done, result = self:reduce_at_once(value, f)
    if is_done then
      if not is_table then list[1] = result end
      return result, self.engine.nodes
    end
    local count = self:round(list, f, true, nil, result)
    if is_table then return list, count end
    return list[1], count
  end
  if list[1] == nil and self.last then list, is_table = self.last, self.last_is_table end
  if next(list) == nil and not is_table then
    error("allReduce: zero stands for the last value, and there was none yet", 3)
  end
  local count
  repeat
    local good, failure = pcall(leaves_of.walk, list, zero)
    count = self:round(list, f, false, not good and failure or nil)
  until count == 0
  if is_table then return list, count end
  return list[1], count
end

local function walk_table(t, f)
  if type(t) ~= "table" then error("walkTable: expected a table, got " .. type(t), 3) end
  if type(f) ~= "function" then
    error("walkTable: f: expected a function, got " .. type(f), 3)
  end
  local good, why = pcall(leaves_of.check_walkable, t)
  if not good then error("walkTable: " .. why, 3) end
  leaves_of.walk(t, f)
end

-- Both mistakes would leave the other nodes waiting for a value that never comes.
local function check_call(engine, tree, value, call)
  if rawequal(value, tree) then
    error(("%s is called with a dot, tree.%s(...), not with a colon"):format(call, call), 3)
  elseif engine.is_in_function then
    error(call .. ": the function that a reduction calls cannot call the tree", 3)
  end
end

--- The tree of an engine: a table of functions.
local function new_tree(engine)
  local tree = {}
  local self = setmetatable({
    engine = engine, votes = require("torch").LongTensor(8), rounds = 0, native_rounds = 0,
    votes_first = engine.allreduce_at_once == nil,  -- always so then
  }, Tree)
  tree.nodeIndex = engine.node
  tree.numNodes = engine.nodes
  tree.parent = engine.parent
  tree.children = engine.children
  function tree.walkTable(t, f)
    if rawequal(t, tree) then
      error("walkTable is called with a dot, tree.walkTable(...), not with a colon", 2)
    end
    walk_table(t, f)
  end
  function tree.allReduce(value, f, zero)
    check_call(engine, tree, value, "allReduce")
    local result, count = self:all_reduce(value, f, zero)  -- no tail call: errors name lines
    return result, count
  end
  function tree.scatter(value)
    check_call(engine, tree, value, "scatter")
    local result = engine:scatter(value)
    return result
  end
  function tree.links() return engine:links() end
  function tree.netStats()
    print(("node %d of %d: %d reductions, %d of them by operators that are known")
      :format(engine.node, engine.nodes, self.rounds, self.native_rounds))
    for _, line in ipairs(engine:statistics()) do print(line) end
  end
  return tree
end

return { new = new_tree, walk = walk_table }
