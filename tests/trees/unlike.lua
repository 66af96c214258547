-- SPDX-License-Identifier: Apache-2.0
--- What nodes do in tests that do not all do the same: see unlike_test.lua.
local torch = require "torch"
local t = require "tap"
local unlike = {}

local function add(a, b) return a:add(b) end
local one = 1
local function add_unknown(a, b) return a:add(one, b) end
local function sum_of(n) return n * (n + 1) // 2 end

local function works_on(tree)
  t.equal(tree.allReduce(1, "sum"), tree.numNodes, "afterwards")
end

-- Raises unless all nodes get an error with these texts in it; the tree goes on then.
local function fails_with(tree, texts, f, ...)
  local good, why = pcall(f, ...)
  t.equal(good, false, "whether it went well")
  for _, text in ipairs(texts) do
    t.equal(tostring(why):find(text, 1, true) ~= nil, true, text .. " in: " .. tostring(why))
  end
  works_on(tree)
  return why
end

-- One node knows no operator in its function: all are as correct as ever, and then at once again.
function unlike.functions(tree)
  local me, n = tree.nodeIndex, tree.numNodes
  for odd_one = 1, n do
    for round = 1, 3 do
      local f = me == odd_one and round < 3 and add_unknown or add
      local value, count = tree.allReduce(torch.FloatTensor(700):fill(me), f)
      t.equal(value:ne(sum_of(n)):sum(), 0, "elements")
      t.equal(count, n, "nodes that gave")
    end
  end
end

-- A tensor here, a table with it there.
function unlike.wrapped(tree)
  for _ = 1, 2 do
    local tensor = torch.ones(3)
    tree.allReduce(tree.nodeIndex == 1 and tensor or { tensor }, add)
    t.equal(tensor[3], tree.numNodes + 0.0, "an element")
  end
end

-- What a function looks up may change between two calls of one function.
function unlike.upvalues(tree)
  local me, n = tree.nodeIndex, tree.numNodes
  local max = math.max
  local function f(a, b) return max(a, b) end
  t.equal(tree.allReduce(me, f), n, "the greatest")
  max = function(a, b) return a + b end
  t.equal(tree.allReduce(me, f), sum_of(n), "the sum")
  max = math.min
  t.equal(tree.allReduce(me, f), 1, "the least")
  max = math.max
  t.equal(tree.allReduce(me, f), n, "the greatest again")
  local maximum = math.max
  math.max = math.min  -- luacheck: ignore
  local least = tree.allReduce(me, function(a, b) return math.max(a, b) end)
  math.max = maximum  -- luacheck: ignore
  t.equal(least, 1, "by another math.max")
end

-- Calls of different functions are an error on all, and all go on.
function unlike.calls(tree)
  local last = tree.nodeIndex == tree.numNodes
  for _, f in ipairs { add, add_unknown } do
    local good, why = pcall(last and tree.scatter or tree.allReduce, torch.ones(3), f)
    t.equal(good, false, "different calls")
    t.equal(why.code, "mismatch", tostring(why))
    works_on(tree)
  end
end

-- Keys that differ, under a function that is not known.
function unlike.keys(tree)
  local last = tree.nodeIndex == tree.numNodes
  for _, values in ipairs {
    { { a = 1, b = { 2 } }, { a = 1, c = { 2 } } },
    { { w = { b = { 2 } } }, { w = { b = { 2, 3 } } } },
  } do
    local why = fails_with(tree, { "the values differ: on node", last and "" or "key" },
      tree.allReduce, values[last and 2 or 1], function(a, b) return a + b + 0 end)
    t.equal(why.code, "mismatch", "its code")
    t.equal(why.message:find "'b" ~= nil or why.message:find "'c" ~= nil
      or why.message:find "'w.b" ~= nil, true, why.message)
  end
end

-- Names of operators that differ are a mismatch, on all.
function unlike.operators(tree)
  local why = fails_with(tree, { "allReduce: the operators differ: on node " }, tree.allReduce, 1,
    tree.nodeIndex == 2 and "max" or "sum")
  t.equal(why.code, "mismatch", "its code")
end

-- What cannot be sent, or combined, on one node, is told by all, with the node's number.
function unlike.values(tree, _, culprit)
  local is_culprit = tree.nodeIndex == culprit
  local who = "node " .. culprit
  local bad = { coroutine.create(print), io.stdout, print }
  for _, value in ipairs(bad) do
    for _, f in ipairs { "sum", add, function(a, b) return a + b + 0 end } do
      fails_with(tree, { who }, tree.allReduce, is_culprit and { value } or { 1 }, f)
    end
  end
  for _, value in ipairs { true, "text" } do
    fails_with(tree, { who, type(value) }, tree.allReduce, is_culprit and { value } or { 1 }, "sum")
  end
  fails_with(tree, { "node ", "FILE" }, tree.allReduce, 1, function() return io.stdout end)
end

function unlike.scatter_function(tree)
  local cycle = { 1, { x = print } }
  cycle.cycle = cycle
  for _, bad in ipairs { print, function() return 1 end, cycle } do
    local why = fails_with(tree, { "scatter: the value cannot be sent from node 1",
                                   "there is a function in it" },
      tree.scatter, tree.nodeIndex == 1 and bad or nil)
    t.equal(why.code, "usage", "its code")
  end
end

-- A value of the root that cannot be scattered.
function unlike.scatter(tree)
  local is_root = tree.nodeIndex == 1
  local value = torch.ones(3)
  for _, bad in ipairs { coroutine.create(print), { x = { io.stdout } } } do
    for _, place in ipairs { false, value } do
      local given = is_root and bad or place or nil
      local why = fails_with(tree, { "scatter: the value cannot be sent from node 1" },
        tree.scatter, given)
      t.equal(why.code, "usage", "its code")
      t.equal(tree.scatter(is_root and "text" or nil), "text", "afterwards")
    end
  end
end

return unlike
