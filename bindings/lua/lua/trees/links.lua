-- SPDX-License-Identifier: Apache-2.0
-- What carries the trees whose nodes share no memory: connections with the parent and the children.
-- Known operators go through them in pieces that follow each other; other values as messages.
local use = ...
local native = use "core"

local Links = {}
Links.__index = Links

-- Calls what works along the connections; errors are told where the tree was called, `level` above
-- who calls this.
local function on_behalf(level, f, ...)
  local good, result = pcall(f, ...)
  if not good then
    if type(result) == "table" and result.rank then result.node = result.rank + 1 end
    error(result, level + 1)
  end
  return result
end

-- Adds up the votes of all nodes, which all vote.
function Links:agree(votes)
  on_behalf(4, native.reduce_native, self.tree, votes, "sum")
  return false
end

-- A number that is equal where values can be combined. Raises for what cannot be.
function Links:layout(value, op)
  local good, result = pcall(native.layout, self.tree, value, op)
  if not good then error(result, 0) end
  return result
end

function Links:allreduce(value, op) on_behalf(4, native.reduce_native, self.tree, value, op) end

-- The first of the failures from below and here, up; the root's verdict down: `results`, or nil
-- and a failure.
local function exchange(self, results, failure)
  local tree = self.tree
  if not self.parent then
    local verdict = failure and { failure = failure } or { results = results }
    native.send_down(tree, verdict)
    return verdict.results, failure
  end
  local verdict = on_behalf(6, native.pass_down, tree)
  return verdict.results, verdict.failure
end

local function raise(failure)
  local text = ("%s: %s node %d: %s"):format(failure.call or "allReduce",
    failure.what or "the function failed on", failure.node, failure.text)
  native.raise(failure.code or "usage", failure.node - 1, text)
end

function Links:begin()
  if not self.is_exchanging then
    on_behalf(6, native.begin, self.tree)
    self.is_exchanging = true
  end
end

-- The values of child `i`; nil and why, if it or one below has failed.
function Links:receive_from(i)
  self:begin()
  local message = on_behalf(4, native.receive_from, self.tree, i)
  if message.failure then return nil, message.failure end
  return message
end

function Links:send_up(leaves, outline, failure)
  self:begin()
  local message = { failure = failure }
  if leaves and not failure then
    message.outline = outline
    table.move(leaves, 1, leaves.n, 1, message)
  end
  on_behalf(4, native.send_up, self.tree, message)
end

function Links:open_leaf(message, i) return message[i] end

function Links:close_leaf(message, i, leaf, is_kept)
  message[i] = nil
  if not is_kept then native.let_go(leaf) end
end

function Links:settle(leaves, failure)
  self:begin()
  local results = not self.parent and table.move(leaves, 1, leaves.n, 1, {})
  results, failure = exchange(self, results, failure)
  self.is_exchanging = false
  if failure then raise(failure) end
  if not self.parent then return results end
  for i = 1, leaves.n do
    local result = results[i]
    if native.take(leaves[i], result) then
      results[i] = leaves[i]
      native.let_go(result)
    end
  end
  return results
end

-- Raises on all nodes what went wrong on one: `failure` there, nil on the others.
function Links:raise_together(failure)
  for i = 1, #self.children do
    local _, below = self:receive_from(i)
    failure = failure or below
  end
  if self.parent then self:send_up(nil, nil, failure) end
  self:settle({ n = 0 }, failure)
end

local function describe(value, depth)
  if native.is_tensor(value) then
    return ("%s of %s"):format(value:type(), table.concat(value:size():totable(), "x"))
  elseif type(value) ~= "table" then
    return type(value)
  end
  local keys, parts = {}, {}
  for key in pairs(value) do keys[#keys + 1] = key end
  table.sort(keys, function(a, b) return tostring(a) < tostring(b) end)
  for i, key in ipairs(keys) do
    if i > 8 or depth > 3 then parts[i] = "…" break end
    parts[i] = ("%s = %s"):format(key, describe(value[key], depth + 1))
  end
  return "{ " .. table.concat(parts, ", ") .. " }"
end

-- The values differ, as all nodes know: the first one that has not what the root has says so.
function Links:raise_layouts(value)
  local own = describe(value, 0)
  on_behalf(5, native.begin, self.tree)
  local of_root
  if self.parent then
    of_root = on_behalf(5, native.pass_down, self.tree)
  else
    native.send_down(self.tree, own)
    of_root = own
  end
  self:raise_together(own ~= of_root and {
    node = self.node, code = "mismatch", what = "the values differ: on node 1 there is "
      .. of_root .. "; on", text = own,
  } or nil)
  native.raise("mismatch", nil, "allReduce: the values differ from node to node")
end

local function has_function(value, seen)
  if type(value) ~= "table" then return type(value) == "function" end
  if seen[value] then return false end
  seen[value] = true
  for key, item in next, value do
    if has_function(key, seen) or has_function(item, seen) then return true end
  end
  return false
end

-- Of nodes that are not of one job: their functions are not run, so they are not sent either.
local function send_root(link_tree, value)
  if has_function(value, {}) then
    error("there is a function in it, which only nodes that share memory take", 0)
  end
  native.send_down(link_tree, { value = value })
end

function Links:scatter(value)
  local votes = require("torch").LongTensor(2):zero()
  local own = native.scatter_layout(self.tree, value)
  if own then votes[1], votes[2] = 1, own end
  on_behalf(3, native.reduce_native, self.tree, votes, "sum")
  if votes[1] == self.nodes and votes[2] == own * self.nodes then
    local result = on_behalf(3, native.scatter_native, self.tree, value)
    return result
  end
  on_behalf(3, native.begin, self.tree)
  if self.parent then
    local verdict = on_behalf(3, native.pass_down, self.tree)
    if verdict.failure then raise(verdict.failure) end
    return verdict.value
  end
  local good, why = pcall(send_root, self.tree, value)
  if good then return value end
  if type(why) == "table" and why.code ~= "usage" then error(why, 0) end
  local failure = { call = "scatter", what = "the value cannot be sent from", node = self.node,
                    text = type(why) == "string" and native.at_line(why) or why.message }
  on_behalf(3, native.send_down, self.tree, { failure = failure })
  raise(failure)
end

local function neighbours(self)
  local list = {}
  if self.parent then list[1] = { self.parent, self.parent_end } end
  for i, node in ipairs(self.children) do list[#list + 1] = { node, self.child_ends[i] } end
  return list
end

function Links:links()
  local links = {}
  for i, neighbour in ipairs(neighbours(self)) do
    local about = native.describe_end(neighbour[2])
    links[i] = { node = neighbour[1], kind = about.kind, reason = about.reason }
  end
  return links
end

function Links:statistics()
  local lines = {}
  for i, neighbour in ipairs(neighbours(self)) do
    local about = native.describe_end(neighbour[2])
    lines[i] = ("  node %d (%s, %s): %d bytes sent, %d received"):format(neighbour[1], about.kind,
      about.reason, about.sent, about.received)
  end
  return lines
end

--- `place`: { node =, nodes =, parent =, children =, parent_end =, child_ends =, tag = }
return function(place)
  place.tree = native.link_tree(place.parent_end, place.child_ends, place.nodes, place.tag,
    place.node, place.parent, place.children)
  return setmetatable(place, Links)
end
