-- SPDX-License-Identifier: Apache-2.0
-- What carries the trees whose nodes are the members of a communicator. Children tell where their
-- tensors lie, and parents reduce views of them. Node i is member i - 1.
local use = ...
local native = use "core"
local describe, view, release, raise = native.describe, native.view, native.release, native.raise

local Members = {}
Members.__index = Members

-- Raises an error of the communicator. Where nodes are no ranks, it names nodes. One that is text
-- gets the line of Lua that called the tree, `level` above who calls this.
function Members:tell(problem, level)
  if self.names_nodes and type(problem) == "table" and type(problem.message) == "string" then
    problem.node = problem.rank and problem.rank + 1
    problem.message = problem.message:gsub("rank (%d+)", function(rank)
      return ("node %d"):format(rank + 1)
    end):gsub("ranks disagree", "nodes disagree")
  end
  error(problem, level + 1)
end

-- Calls a method of the communicator.
function Members:call(level, method, ...)
  local good, result = pcall(self.communicator[method], self.communicator, ...)
  if not good then self:tell(result, level + 1) end
  return result
end

-- Adds up the votes of all nodes. Some may have begun without votes, which is a mismatch on all:
-- they vote then, and the others again. `mismatch`: this node has. Whether all had voted at once;
-- if not, and no vote comes about either, the nodes called different functions, and that is told.
function Members:agree(votes, mismatch)
  local good, result = pcall(self.communicator.allreduce, self.communicator, votes)
  if good then return mismatch == nil end
  if type(result) ~= "table" or result.code ~= "mismatch" then self:tell(result, 5) end
  if mismatch then self:tell(mismatch, 5) end
  return self:agree(votes, result)
end

-- Values that differ are a mismatch of the operation. Raises for what cannot be combined.
function Members:layout(value, op)
  local good, why = pcall(native.check_value, value, op)  -- told without a place in this file
  if not good then error(why, 0) end
  return 0
end

function Members:raise_layouts() error("layouts of members are not compared here") end

function Members:allreduce(value, op) self:call(5, "allreduce", value, op) end

-- A reduction without a vote: its result. Raises a mismatch, and nothing has moved, where other
-- nodes have called anything else.
function Members:allreduce_at_once(value, op)
  return native.allreduce_at_once(self.communicator, value, op)
end

-- The values of child `i`: where their memory is, if it can be addressed, else a copy. False when
-- it has failed, which settle() explains.
function Members:receive_from(i)
  return self:call(5, "receive", { from = self.children[i] - 1, tag = 0 })
end

function Members:send_up(leaves, outline)
  if not leaves then return self:call(5, "send", false, self.parent - 1) end
  local message, kinds = {}, {}
  for i = 1, leaves.n do
    local where = describe(self.communicator, leaves[i])
    message[i] = where or leaves[i]
    kinds[i] = where and "r" or "v"
  end
  message.outline, message.kinds = outline, table.concat(kinds)
  self:call(5, "send", message, self.parent - 1)
end

local function is_view(message, i) return message.kinds:byte(i) == 0x72 end

function Members:open_leaf(message, i)
  if is_view(message, i) then return view(self.communicator, message[i]) end
  return message[i]
end

-- Views of the child's memory end here.
function Members:close_leaf(message, i, leaf, is_kept)
  if is_view(message, i) then release(leaf, is_kept) end
end

-- Raises on all nodes what went wrong on one: `failure` there, nil on the others.
function Members:raise_together(failure)
  local me = self.node
  local culprit = self:call(6, "allreduce", failure and me or -1, "max")
  if culprit < 0 then return end
  local told = self:call(6, "broadcast", me == culprit and failure or nil, culprit - 1)
  local rank = self.communicator.members[culprit]
  raise(told.code or "usage", rank, ("%s: %s %s %d: %s"):format(told.call or "allReduce",
    told.what or "the function failed on", self.names_nodes and "node" or "rank",
    self.names_nodes and culprit or rank, told.text))
end

-- Raises if a node has failed; else gives the root's leaves.
function Members:settle(leaves, failure)
  self:raise_together(failure)
  return self:call(6, "broadcast", table.move(leaves, 1, leaves.n, 1, {}), self.root - 1)
end

-- A value that cannot go is told by an operation of another kind, which is a mismatch on all nodes.
function Members:scatter(value)
  local good, result = pcall(self.communicator.broadcast, self.communicator, value, 0)
  if good then return result end
  local code = type(result) == "table" and result.code or "usage"
  if self.node == 1 and code == "usage" then
    pcall(self.communicator.barrier, self.communicator)  -- raises on all
    self:raise_together { call = "scatter", what = "the value cannot be sent from",
                          text = type(result) == "string" and native.at_line(result)
                            or result.message }
  elseif code == "mismatch" then
    local all_ask, told = pcall(self.raise_together, self)
    if not all_ask and told.code ~= "mismatch" then error(told, 0) end
  end
  self:tell(result, 3)
end

function Members:links()
  local links = {}
  local function add(node)
    links[#links + 1] = { node = node, kind = self.kind, reason = self.reason }
  end
  if self.parent then add(self.parent) end
  for _, child in ipairs(self.children) do add(child) end
  return links
end

-- What goes through shared memory is not counted.
function Members:statistics()
  local lines = {}
  for i, link in ipairs(self:links()) do
    lines[i] = ("  node %d (%s, %s)"):format(link.node, link.kind, link.reason)
  end
  return lines
end

--- `place`: { parent =, children = (ascending or as the machine wishes), root = }, of nodes.
return function(communicator, place, more)
  local self = {
    communicator = communicator, node = communicator.rank + 1, nodes = communicator.size,
    parent = place.parent, children = place.children, root = place.root,
  }
  for key, value in pairs(more) do self[key] = value end
  return setmetatable(self, Members)
end
