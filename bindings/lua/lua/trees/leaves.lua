-- SPDX-License-Identifier: Apache-2.0
-- The leaves of nested tables, in an order that is the same on all nodes.
local use = ...
local native = use "core"
local leaves_of = {}

local depth_max <const> = 100

-- Numbers before strings, each in their own order: the same on every rank.
local function comes_before(a, b)
  if type(a) == type(b) then return a < b end
  return type(a) == "number"
end

local function check_key(key)
  if type(key) ~= "number" and type(key) ~= "string" then
    error(("a table key is a %s; numbers and strings have the same order on every rank")
      :format(type(key)), 0)
  end
end

local function sorted_keys(t)
  local keys = {}
  for key in next, t do
    check_key(key)
    keys[#keys + 1] = key
  end
  table.sort(keys, comes_before)
  return keys
end

local function check_depth(depth)
  if depth > depth_max then
    error(("tables are nested more than %d deep: is there a cycle?"):format(depth_max), 0)
  end
end

local function check_walkable(t, depth)
  check_depth(depth)
  for key, value in next, t do
    check_key(key)
    if type(value) == "table" then check_walkable(value, depth + 1) end
  end
end

--- Raises where walk() would, before it has called anything.
function leaves_of.check_walkable(t) check_walkable(t, 0) end

local function walk(t, f, index, depth)
  check_depth(depth)
  for _, key in ipairs(sorted_keys(t)) do
    local value = t[key]
    if type(value) == "table" then
      index = walk(value, f, index, depth + 1)
    else
      index = index + 1
      local result = native.call(f, value, index)  -- who yields would not return
      if result ~= nil then t[key] = result end
    end
  end
  return index
end

--- Calls f(leaf, running index) for what is in `t`, and puts its results there, but for nil.
function leaves_of.walk(t, f) walk(t, f, 0, 0) end

--- Raises for what no other node can be given.
function leaves_of.check(value, what)
  local kind = type(value)
  if kind == "function" or kind == "thread" then
    error(("%s is a %s, which cannot be sent"):format(what, kind), 0)
  elseif kind == "userdata" and not native.is_tensor(value) then
    local good, why = pcall(native.check_sendable, value)
    if not good then error(("%s: %s"):format(what, native.text_of(why)), 0) end
  end
end

local function collect(t, leaves, depth, path)
  check_depth(depth)
  for _, key in ipairs(sorted_keys(t)) do
    local value = t[key]
    local here = (type(key) == "number" and "%s[%s]" or "%s.%s"):format(path, key)
    if type(value) == "table" then
      collect(value, leaves, depth + 1, here)
    else
      leaves_of.check(value, "a leaf")
      local i = leaves.n + 1
      leaves.n, leaves.holders[i], leaves.keys[i], leaves[i] = i, t, key, value
      leaves.paths[i] = here
    end
  end
end

--- The leaves of `t` in order, where each one is, and by which keys.
function leaves_of.all(t)
  local leaves = { n = 0, holders = {}, keys = {}, paths = {} }
  collect(t, leaves, 0, "")
  return leaves
end

--- Puts a value in the place of a leaf.
function leaves_of.set(leaves, i, value)
  leaves[i] = value
  leaves.holders[i][leaves.keys[i]] = value
end

local separator <const> = "\0"

local function shown(path) return (path:gsub("^%.", "")) end

--- By which keys the leaves are found, as one text.
function leaves_of.outline(leaves) return table.concat(leaves.paths, separator) end

--- Raises when `outline`, of the node below, is of other keys: names the first.
function leaves_of.compare(leaves, outline)
  if outline == leaves_of.outline(leaves) then return end
  local theirs, mine = {}, {}
  for _, path in ipairs(leaves.paths) do mine[path] = true end
  for path in outline:gmatch "[^\0]+" do theirs[path] = true end
  for _, path in ipairs(leaves.paths) do
    if not theirs[path] then
      error(("the key '%s' is missing on a node below"):format(shown(path)), 0)
    end
  end
  for path in outline:gmatch "[^\0]+" do
    if not mine[path] then
      error(("the key '%s', of a node below, is missing here"):format(shown(path)), 0)
    end
  end
  error("the order of the leaves differs from that on a node below", 0)
end

-- Which kinds of leaves there are; false where there are others than tensors and numbers.
local function add_kinds(t, kinds, depth)
  if depth > depth_max then return false end
  for _, value in next, t do
    if math.type(value) then
      kinds.numbers = true
    elseif native.is_tensor(value) then
      kinds.tensors = true
    elseif type(value) ~= "table" or not add_kinds(value, kinds, depth + 1) then
      return false
    end
  end
  return true
end

local only_tensor <const>, only_number <const> = { tensors = true }, { numbers = true }

--- { tensors = are there any?, numbers = likewise } of a value; nil where there is anything else.
function leaves_of.kinds(value)
  if native.is_tensor(value) then return only_tensor end
  if math.type(value) then return only_number end
  local kinds = {}
  return type(value) == "table" and add_kinds(value, kinds, 0) and kinds or nil
end

return leaves_of
