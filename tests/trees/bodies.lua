-- SPDX-License-Identifier: Apache-2.0
--- What nodes of trees do in tests: functions of a tree and of what it was made with. They raise
--- when something is wrong, and give what is to be compared between nodes.
local torch = require "torch"
local t = require "tap"
local bodies = {}

local function add(a, b) return a:add(b) end
local one = 1
local function add_unknown(a, b) return a:add(one, b) end
local function sum_of(n) return n * (n + 1) // 2 end

function bodies.identity(tree) return tree.nodeIndex end

function bodies.sums(tree)
  local me, n = tree.nodeIndex, tree.numNodes
  for _, f in ipairs { add, add_unknown, function(a, b) return a + b end } do
    for _, count in ipairs { 1, 300, 20000 } do
      local given = torch.FloatTensor(count):fill(me)
      local value, contributors = tree.allReduce(given, f)
      t.equal(value:ne(sum_of(n)):sum(), 0, "elements")
      t.equal(contributors, n, "nodes that gave")
    end
    local value = { w = { torch.ones(3), torch.ones(2, 2) }, b = torch.DoubleTensor(1):fill(me),
                    [1] = torch.LongTensor(2):fill(me) }
    t.equal(rawequal(tree.allReduce(value, f), value), true, "the table itself")
    t.equal(value.w[2][2][2], n + 0.0, "an element of a nested tensor")
    t.equal(value.b[1], sum_of(n) + 0.0, "another")
    t.equal(value[1][2], sum_of(n), "of integers")
  end
  t.equal(tree.allReduce(me, function(a, b) return a + b end), sum_of(n), "numbers")
  t.equal(tree.allReduce(me, function(a, b) return a + b + 0 end), sum_of(n), "unknown")
  t.equal(tree.allReduce(me, "max"), n, "an operator by its name")
  t.equal(tree.allReduce(me == 1, function(a, b) return a or b end), true, "booleans")
  local words = {}
  for word in tree.allReduce(tostring(me), function(a, b) return a .. " " .. b end):gmatch("%d+") do
    words[#words + 1] = math.tointeger(word)
  end
  t.equal(#words, n, "strings, each once")
end

function bodies.in_place(tree)
  local tensor = torch.FloatTensor(100):fill(tree.nodeIndex)
  for _, f in ipairs { add, add_unknown } do
    tensor:fill(tree.nodeIndex)
    local result = tree.allReduce(tensor, f)
    t.equal(result == tensor, true, "the tensor itself")
    t.equal(tensor[100], sum_of(tree.numNodes) + 0.0, "its elements")
  end
  -- nil keeps what there is; a value replaces it
  local list = { torch.ones(2), 5 }
  tree.allReduce(list, function(a) if torch.isTensor(a) then return nil end return a end)
  t.equal(list[1][1], 1.0, "what is kept")
  t.equal(list[2], 5, "what is given")
end

function bodies.rows(tree)
  local matrix = torch.DoubleTensor(40, 6):fill(0)
  for _, f in ipairs { add, add_unknown } do
    matrix:narrow(2, 2, 3):fill(tree.nodeIndex)
    tree.allReduce(matrix:narrow(2, 2, 3), f)
    t.equal(matrix:sum(), 40.0 * 3 * sum_of(tree.numNodes), "a view, and nothing beside it")
    local turned = torch.DoubleTensor(7, 9):fill(tree.nodeIndex):t()
    t.equal(tree.allReduce(turned, f):ne(sum_of(tree.numNodes)):sum(), 0, "turned around")
  end
  local storage = tree.allReduce(torch.IntStorage { tree.nodeIndex, 1 }, function(a, b)
    a[1], a[2] = a[1] + b[1], a[2] + b[2]
  end)
  t.equal(storage[2], tree.numNodes, "a storage")
end

-- The same bits on all nodes: what they have is compared by the test.
function bodies.bits(tree)
  local texts = {}
  for _, f in ipairs { add, add_unknown } do
    local value = torch.FloatTensor(1000)
    for i = 1, 1000 do value[i] = (i * 7919 + tree.nodeIndex * 104729) % 1009 / 1009 end
    tree.allReduce(value, f)
    local words = {}
    for i = 1, 1000 do words[i] = ("%a"):format(value[i]) end
    texts[#texts + 1] = table.concat(words, " ")
  end
  return table.concat(texts, "|")
end

-- Tensors of other sizes and types at each call.
function bodies.sizes(tree)
  for round = 1, 12 do
    local class = ({ "FloatTensor", "DoubleTensor", "LongTensor" })[round % 3 + 1]
    local tensor = torch[class](round * round * 17 % 400 + 1):fill(tree.nodeIndex)
    tree.allReduce(tensor, round % 2 == 0 and add or add_unknown)
    t.equal(tensor:ne(sum_of(tree.numNodes)):sum(), 0, "elements in round " .. round)
  end
end

-- Node i has i steps; the others serve it.
function bodies.uneven(tree)
  local me, n = tree.nodeIndex, tree.numNodes
  for _, f in ipairs { function(a, b) return a + b end, function(a, b) return a + b + 0 end } do
    for step = 1, me do
      local value, contributors = tree.allReduce(1, f)
      t.equal(contributors, n - step + 1, "nodes in step " .. step)
      t.equal(value, n - step + 1, "their sum")
    end
    local value, contributors = tree.allReduce(nil, f, function() return 0 end)
    t.equal(value, 0, "the sum of the zeros")
    t.equal(contributors, 0, "nodes in the last round")
  end
  -- with a table of tensors: leaves and their running index
  local list = { b = torch.ones(3), a = { torch.ones(2), x = torch.ones(1) } }
  for _ = 1, me do tree.allReduce(list, add) end
  local seen = {}
  tree.allReduce(nil, add, function(leaf, i)
    seen[i] = leaf:nElement()
    return leaf:fill(0)
  end)
  t.equal(table.concat(seen, " "), "2 1 3", "leaves in order")
  t.equal(list.b:sum(), 0.0, "the last round of zeros")
end

-- The same for many nodes: two of them have a step more than the others.
function bodies.uneven_some(tree)
  local f = function(a, b) return a + b end
  local more = tree.nodeIndex % 32 == 0
  for step = 1, more and 2 or 1 do
    local value, contributors = tree.allReduce(1, f)
    t.equal(contributors, step == 1 and tree.numNodes or tree.numNodes // 32, "nodes that gave")
    t.equal(value, contributors, "their sum")
  end
  t.equal(select(2, tree.allReduce(nil, f, function() return 0 end)), 0, "at the end")
end

-- Who has given nothing yet has nothing that zero could stand for; the tree goes on.
function bodies.first_zero(tree)
  local function zero() return 0 end
  for _, f in ipairs { function(a, b) return a + b end, function(a, b) return a + b + 0 end } do
    t.raises("there was none yet", tree.allReduce, nil, f, zero)
  end
  t.equal(tree.allReduce(1, "sum"), tree.numNodes, "a value")
  t.equal(select(2, tree.allReduce(nil, "sum", zero)), 0, "with zero")
  t.equal(select("#", tree.netStats()), 0, "what netStats gives")
end

function bodies.scatter(tree)
  local me = tree.nodeIndex
  t.equal(tree.scatter(me == 1 and "text" or nil), "text", "a string")
  t.equal(tree.scatter(me == 1 and { 1, { x = "y" } } or nil)[2].x, "y", "a table")
  local value = { t = torch.ones(3):mul(me), n = me }
  t.equal(rawequal(tree.scatter(value), value), true, "in place")
  t.equal(value.t[3], 1.0, "a tensor")
  t.equal(value.n, 1, "a number")
  local large = torch.FloatTensor(300000):fill(me)
  t.equal(tree.scatter(large):ne(1):sum(), 0, "a large tensor")
end

function bodies.walk(tree)
  local value = { b = 2, a = { 10, 20, x = 30 }, [1] = 1 }
  local seen = {}
  tree.walkTable(value, function(leaf, i)
    seen[i] = leaf
    if leaf == 30 then return 31 end
  end)
  t.equal(table.concat(seen, " "), "1 10 20 30 2", "the leaves")
  t.equal(value.a.x, 31, "what the function gave")
end

-- A function that fails on one node fails on all, naming it, and the tree goes on.
function bodies.failing(tree, _, culprit)
  local good, message = pcall(tree.allReduce, 1, function(a, b)
    if tree.nodeIndex == culprit then error "nothing of the kind" end
    return a + b + 0
  end)
  -- A leaf of the tree calls no function.
  if #tree.children > 0 and tree.nodeIndex == culprit then t.equal(good, false, "the culprit") end
  if not good then
    t.equal(tostring(message):find("node " .. culprit, 1, true) ~= nil, true, tostring(message))
    t.equal(tostring(message):find("nothing of the kind", 1, true) ~= nil, true, "why")
  end
  t.equal(tree.allReduce(1, "sum"), tree.numNodes, "afterwards")
  local fine, why = pcall(tree.allReduce, tree.nodeIndex == culprit and { print } or { 1 }, "sum")
  t.equal(fine, false, "a leaf that cannot go")
  t.equal(tostring(why):find("node " .. culprit, 1, true) ~= nil, true, tostring(why))
  t.equal(tree.allReduce(1, "sum"), tree.numNodes, "afterwards")
  return good
end

-- Values that do not fit each other are an error on all, and the tree goes on.
function bodies.mismatch(tree)
  local last = tree.nodeIndex == tree.numNodes
  for _, values in ipairs {
    { torch.ones(3), torch.ones(4) }, { torch.ones(3), torch.FloatTensor(3) },
    { { a = 1 }, { b = 1 } }, { { 1, 2 }, { 1 } },
  } do
    local good, message = pcall(tree.allReduce, values[last and 2 or 1], "sum")
    t.equal(good, false, "values that differ")
    t.equal(message.code, "mismatch", tostring(message))
    t.equal(tree.allReduce(1, "sum"), tree.numNodes, "afterwards")
  end
end

-- Mistakes that must not leave the others waiting.
function bodies.wrong_calls(tree)
  for _, name in ipairs { "allReduce", "scatter", "walkTable" } do
    t.raises(name .. " is called with a dot", tree[name], tree, 1, math.max)
  end
  local function reduces(a) return tree.allReduce(a, "sum") end
  t.raises("cannot call the tree", tree.allReduce, 1, reduces)
  t.raises("allReduce: zero: expected a function, got number", tree.allReduce, 1, "sum", 5)
  t.raises("walkTable: f: expected a function, got number", tree.walkTable, { 1 }, 5)
  local cycle = {}
  cycle.cycle = cycle
  t.raises("walkTable: tables are nested more than 100 deep", tree.walkTable, cycle, print)
  local _, why = pcall(function() tree.walkTable(cycle, print) end)
  t.equal(why:find "bodies%.lua:%d" ~= nil, true, why)
  t.raises("is there a cycle?", tree.allReduce, cycle, "sum")
  t.equal(tree.allReduce(1, "sum"), tree.numNodes, "afterwards")
end

-- Functions that yield fail, on all nodes, and the tree goes on.
function bodies.yielding(tree)
  local what = "attempt to yield across a C-call boundary"
  local function yields() return coroutine.yield "early" end
  local good, why = coroutine.wrap(function() return pcall(tree.allReduce, 1, yields) end)()
  t.equal(good, false, "a function that yields")
  t.equal(tostring(why):find(what, 1, true) ~= nil, true, tostring(why))
  t.equal(tree.allReduce(1, "sum"), tree.numNodes, "afterwards")
  good, why = coroutine.wrap(function() return pcall(tree.allReduce, 1, "sum", yields) end)()
  t.equal(good, false, "a zero that yields")
  t.equal(tostring(why):find(what, 1, true) ~= nil, true, tostring(why))
  t.equal(tree.allReduce(1, "sum"), tree.numNodes, "afterwards")
end

-- Messages of the user beside the tree, on the connections that it was made with.
function bodies.beside(tree, peer)
  local tensor = torch.FloatTensor(10):fill(1)
  if tree.nodeIndex == 1 then
    peer:clients(tree.numNodes - 1, function(client) client:send { size = 7 } end)
    tree.allReduce(tensor, add)
    local sum = 0
    peer:clients(function(client) sum = sum + client:recv() end)
    t.equal(sum, sum_of(tree.numNodes) - 1, "what all said")
    peer:broadcast "bye"
    tree.allReduce(tensor, add_unknown)
    return
  end
  t.equal(peer:recv().size, 7, "a message")
  tree.allReduce(tensor, add)
  peer:send(tree.nodeIndex)
  t.equal(peer:recv(), "bye", "another")
  peer:close()  -- the tree has the connection still
  peer:close()
  tree.allReduce(tensor, add_unknown)
  t.equal(tensor[1], tree.numNodes ^ 2, "after closing")
end

function bodies.shape(tree)
  return { parent = tree.parent or 0, children = tree.children, links = #tree.links() }
end

-- AllReduceSGD of torch-distlearn, told again.
function bodies.sgd(tree)
  local grads = { conv = { torch.FloatTensor(9):fill(tree.nodeIndex),
                           torch.FloatTensor(2):fill(1) } }
  local params = { conv = { torch.FloatTensor(9):fill(tree.nodeIndex),
                           torch.FloatTensor(2):fill(1) } }
  local steps = torch.LongTensor(tree.numNodes):zero()
  for _ = 1, 3 + tree.nodeIndex do
    local _, n = tree.allReduce(grads, add)
    tree.walkTable(grads, function(leaf) return leaf:mul(1 / n) end)
    steps[tree.nodeIndex] = steps[tree.nodeIndex] + 1
  end
  tree.allReduce(nil, add, function(a) return a:fill(0) end)
  tree.allReduce(steps, add)
  local _, longest = steps:sort(1, true)
  t.equal(longest[1], tree.numNodes, "the node with most steps")
  if longest[1] ~= tree.nodeIndex then
    tree.walkTable(params, function(leaf) return leaf:zero() end)
  end
  tree.allReduce(params, add)
  t.equal(params.conv[1][9], tree.numNodes + 0.0, "its parameters")
end

-- AllReduceEA: a whole step in the function for zero, by leaves.
function bodies.elastic(tree)
  local alpha = 0.4
  local params = { torch.DoubleTensor(4):fill(tree.nodeIndex), torch.DoubleTensor(2):fill(1) }
  local centre = { torch.DoubleTensor(4):fill(1), torch.DoubleTensor(2):fill(1) }
  tree.scatter(centre)
  local delta = { torch.DoubleTensor(4), torch.DoubleTensor(2) }
  local function leaf_step(i)
    delta[i]:copy(params[i]):add(-1, centre[i]):mul(alpha)
    params[i]:add(-1, delta[i])
    return delta[i]
  end
  for _ = 1, tree.nodeIndex do
    for i = 1, 2 do leaf_step(i) end
    tree.allReduce(delta, add)
    for i = 1, 2 do centre[i]:add(delta[i]) end
  end
  local zeros = 0
  tree.allReduce(nil, add, function(_, i)
    zeros = zeros + 1
    return delta[i]:zero()
  end)
  t.equal(zeros >= 2, true, "calls of zero")
  tree.scatter(centre)
  params[1]:copy(centre[1])
  return ("%a"):format(centre[1]:sum())
end

return bodies
