-- SPDX-License-Identifier: Apache-2.0
-- Proves that ipc.tree() does what trees of torch-ipc did: with functions that are known and with
-- others, with uneven numbers of steps, and when a function fails. Run on every rank of a job.
local ipc = require "ipc"
local torch = require "torch"
local t = require "job_tap"

local world <const> = ipc.world()
local rank <const>, size <const> = world.rank, world.size
local sum_of_nodes <const> = size * (size + 1) // 2

local tree <const> = ipc.tree()
local me <const> = tree.nodeIndex
local scale <const> = 1
local root <const> = world:allreduce(tree.parent and 0 or me, "max")

-- The same sum, known and not.
local sums <const> = {
  known = function(a, b) return a:add(b) end,
  unknown = function(a, b) return a:add(scale, b) end,
  ["known, elsewhere"] = function(a, b) return a + b end,
  ["unknown, elsewhere"] = function(a, b) return a + b * scale end,
}

-- Whether reductions by `f` go the native way: by what netStats counts.
local function is_known(f, value)
  local text
  local print_now = _G.print
  _G.print = function(line) text = line:find "reductions" and line or text end
  tree.allReduce(value, f)
  tree.netStats()
  local _, before = text:match("(%d+) reductions, (%d+)")
  tree.allReduce(value, f)
  tree.netStats()
  _G.print = print_now
  local _, after = text:match("(%d+) reductions, (%d+)")
  return tonumber(after) > tonumber(before)
end

t.test("nodes count from 1", function()
  t.equal(me, rank + 1, "nodeIndex")
  t.equal(tree.numNodes, size, "numNodes")
end)

t.test("SlurmTree is the tree of the job, whatever Slurm says of its script", function()
  local own = require "ipc.SlurmTree"("/nowhere", 2)
  t.equal(own.nodeIndex, me, "nodeIndex")
  t.equal(own.gpu, world.local_rank // 2 + 1, "gpu")
  t.equal(own.allReduce(me, "sum"), sum_of_nodes, "a sum")
  t.equal(require "ipc.SlurmTree"().gpu, world.local_rank + 1, "with a GPU each")
end)

t.test("parents and children are one tree of all nodes, the same on all", function()
  local parents = world:allgather(torch.LongTensor { tree.parent or 0 })
  local roots, below = 0, {}
  for node = 1, size do
    local parent = parents[node][1]
    if parent == 0 then roots = roots + 1 end
    if parent == me then below[#below + 1] = node end
    local steps, above = 0, node
    while parents[above][1] ~= 0 and steps <= size do
      above, steps = parents[above][1], steps + 1
    end
    t.equal(steps < size, true, "a way to the root from node " .. node)
  end
  t.equal(roots, 1, "roots")
  local children = table.move(tree.children, 1, #tree.children, 1, {})
  table.sort(children)
  t.equal(table.concat(children, " "), table.concat(below, " "), "children")
  t.equal(#children <= 2, true, "two children at most")
end)

for name, f in pairs(sums) do
  t.test("sums of tensors by a function that is " .. name, function()
    for _, count in ipairs { 1, 300, 50000 } do
      local value, n = tree.allReduce(torch.FloatTensor(count):fill(me), f)
      t.equal(value:ne(sum_of_nodes):sum(), 0, "elements")
      t.equal(n, size, "nodes that gave")
    end
    local value = { w = { torch.ones(3), torch.ones(2, 2) }, b = torch.DoubleTensor(1):fill(me) }
    local result = tree.allReduce(value, f)
    t.equal(rawequal(result, value), true, "the table itself")
    t.equal(value.w[2][2][2], size + 0.0, "an element of a nested tensor")
    t.equal(value.b[1], sum_of_nodes + 0.0, "another")
  end)
end

t.test("numbers, and whatever else the function takes", function()
  local value, n = tree.allReduce(me, function(a, b) return a + b end)
  t.equal(value, sum_of_nodes, "numbers")
  t.equal(n, size, "nodes")
  t.equal(tree.allReduce(me, function(a, b) return a + b + 0 end), sum_of_nodes,
    "by an unknown one")
  local all = {}
  for i = 1, size do all[i] = i end
  local words = {}
  for word in tree.allReduce(tostring(me), function(a, b) return a .. " " .. b end):gmatch("%d+") do
    words[#words + 1] = math.tointeger(word)
  end
  table.sort(words)
  t.equal(table.concat(words, " "), table.concat(all, " "), "strings, each once")
  t.equal(tree.allReduce(me == 1, function(a, b) return a or b end), true, "booleans")
  local storage = tree.allReduce(torch.IntStorage { me, 1 }, function(a, b)
    a[1], a[2] = a[1] + b[1], a[2] + b[2]
  end)
  t.equal(storage[1], sum_of_nodes, "a storage")
  t.equal(storage[2], size, "its second element")
  t.equal(tree.allReduce(me, "max"), size, "an operator by its name")
end)

t.test("all nodes have the same bits, by known and unknown functions", function()
  for _, f in pairs(sums) do
    local value = torch.FloatTensor(1000)
    for i = 1, 1000 do value[i] = (i * 7919 + me * 104729) % 1009 / 1009 end
    local got = tree.allReduce(value, f)
    local all = world:allgather(got)
    for r = 1, size do t.equal(all[r]:ne(got):sum(), 0, "elements that differ") end
  end
end)

t.test("functions are known by what they do, wherever they stand", function()
  local tensor = torch.ones(2)
  local max, min = math.max, math.min
  local numbers = {
    function(a, b) return a + b end, function(x, y) return y + x end, math.max, math.min,
    function(a, b) return a * b end, function(a, b) return math.max(a, b) end,
    function(a, b)
      return min(a, b)
    end,
    function(p, q) return max(p, q) end,
  }
  for i, f in ipairs(numbers) do t.equal(is_known(f, 1), true, "of numbers, " .. i) end
  local tensors = {
    function(a, b) return a:add(b) end, function(a, b) a:add(b) end,
    function(a, b) a:add(b) return a end, function(a, b) return a + b end,
    function(a, b) return a:cmul(b) end, function(a, b) return a:cmax(b) end,
    function(a, b) a:cmin(b) end,
  }
  for i, f in ipairs(tensors) do t.equal(is_known(f, tensor), true, "of tensors, " .. i) end
end)

t.test("functions that only look alike are not taken for known", function()
  if size == 1 then return end
  local tensor = torch.ones(2)
  local max = function(a) return a end
  local others = {
    { function(a, b) return a - b + 2 * b end, 1 }, { function(a, b) return max(a, b) end, 1 },
    { function(a, b) return a:add(2, b) end, tensor },
    { function(a, b) return b:add(a) end, tensor },
    { function(a, b) return a:cmul(b):add(0) end, tensor },
    { function(a, b) return a * b / 1 end, 1 },
  }
  for i, case in ipairs(others) do t.equal(is_known(case[1], case[2]), false, "function " .. i) end
  local original = math.max
  math.max = function(a, b) return original(a, b) end  -- luacheck: ignore 122
  t.equal(is_known(function(a, b) return math.max(a, b) end, 1), false, "another math.max")
  math.max = original  -- luacheck: ignore 122
  local methods = torch.getmetatable("torch.DoubleTensor")
  local add = methods.add
  methods.add = function(...) return add(...) end
  t.equal(is_known(sums.known, tensor), false, "another method")
  methods.add = add
  t.equal(is_known(sums.known, tensor), true, "the method that was there")
  t.equal(is_known(rank == 0 and sums.known or sums.unknown, tensor), false, "known on one rank")
end)

t.test("the function sees the child's values; what it keeps of them is its own", function()
  local kept, views = {}, {}
  local result = tree.allReduce(torch.FloatTensor(20000):fill(me), function(a, b)
    kept[#kept + 1], views[#views + 1] = b, b:narrow(1, 5, 3)
    if b[1] > a[1] then return b end
    return a
  end)
  t.equal(result:ne(size):sum(), 0, "the maximum")
  for i, narrow in ipairs(views) do
    t.equal(narrow[1], narrow[3], "a view that was kept, " .. i)
    t.equal(narrow:sum() > 0, true, "its elements")
  end
  for _, tensor in ipairs(kept) do
    t.equal(tensor:nElement() == 0 or tensor:nElement() == 20000, true, "an argument that was kept")
  end
end)

t.test("keys are walked in order, and walkTable is what walks", function()
  local value = { b = 2, a = { 10, 20, x = 30 }, [1] = 1, [2.5] = 2 }
  local seen = {}
  tree.walkTable(value, function(leaf, i)
    seen[i] = leaf
    if leaf == 30 then return 31 end
  end)
  t.equal(table.concat(seen, " "), "1 2 10 20 30 2", "the leaves")
  t.equal(value.a.x, 31, "what the function gave")
end)

t.test("scatter gives the root's value to all", function()
  t.equal(tree.scatter(me == 1 and "text" or nil), "text", "a string")
  local value = { t = torch.ones(3):mul(me), n = me }
  t.equal(rawequal(tree.scatter(value), value), true, "in place")
  t.equal(value.t[3], 1.0, "a tensor")
  t.equal(value.n, 1, "a number")
end)

t.test("nodes with fewer steps serve the others: zero stands for their value", function()
  for name, f in pairs { known = function(a, b) return a + b end,
                         unknown = function(a, b) return a + b + 0 end } do
    for step = 1, me do  -- node i has i steps
      local value, n = tree.allReduce(1, f)
      t.equal(n, size - step + 1, name .. ": nodes in step " .. step)
      t.equal(value, n, name .. ": the sum of step " .. step)
    end
    local value, n = tree.allReduce(nil, f, function() return 0 end)
    t.equal(value, 0, name .. ": the sum of nothing")
    t.equal(n, 0, name .. ": nodes at the end")
  end
end)

t.test("zero is called for each leaf of the last value, with its number", function()
  local last = { w = torch.ones(2), v = { torch.ones(3), 5 } }
  tree.allReduce(last, function(a, b) return a + b + 0 end)
  local calls = {}
  for _ = 1, rank do
    tree.allReduce({ w = torch.ones(2), v = { torch.ones(3), 5 } },
      function(a, b) return a + b + 0 end)
  end
  local result, n = tree.allReduce(nil, function(a, b) return a + b + 0 end, function(leaf, i)
    calls[#calls + 1] = i
    if math.type(leaf) then return 0 end
    leaf:fill(0)
  end)
  t.equal(n, 0, "nodes at the end")
  t.equal(result.w:sum(), 0.0, "a tensor")
  t.equal(result.v[2], 0, "a number")
  t.equal(#calls, 3 * (size - rank), "calls")
  t.equal(table.concat(calls, " ", 1, 3), "1 2 3", "their numbers")
end)

t.test("a function that fails on one rank is an error on all, which names it", function()
  if size == 1 then return end
  local good, failure = pcall(tree.allReduce, me, function(a, b)
    if not tree.parent then error("no more of " .. type(b), 0) end
    return a + b
  end)
  t.equal(good, false, "it succeeded")
  t.equal(type(failure), "table", "type of the error")
  t.equal(failure.code, "usage", "code")
  t.equal(failure.rank, root - 1, "rank")
  t.equal(failure.message,
    ("allReduce: the function failed on rank %d: no more of number"):format(root - 1), "message")
  t.equal(tree.allReduce(1, sums["unknown, elsewhere"]), size, "a sum afterwards")
end)

t.test("so are a zero that fails, keys without an order, and values that differ", function()
  if size == 1 then return end
  local add = function(a, b) return a + b end
  tree.allReduce(1, add)
  t.raises("failed on rank 1: nothing left", tree.allReduce, nil, add, function()
    if rank == 1 then error("nothing left", 0) end
    return 0
  end)
  t.raises("on rank 1: a table key is a boolean", tree.allReduce,
    rank == 1 and { [true] = 1 } or { 1 }, add)
  t.raises("the key '[2]' is missing on a node below", tree.allReduce,
    not tree.parent and { 1, 2 } or { 1 }, function(a, b) return a + b + 0 end)
  t.equal(tree.allReduce(1, add), size, "a sum afterwards")
end)

t.test("wrong calls say what is expected", function()
  t.raises("expected a function, or one of 'sum'", tree.allReduce, 1)
  t.raises("expected a function, or one of 'sum'", tree.allReduce, 1, "mean")
  t.raises("there was none yet", ipc.tree().allReduce, nil, "sum", function() return 0 end)
  t.raises("ipc.Communicator expected", ipc.tree, 5)
  t.raises("walkTable: expected a table, got number", tree.walkTable, 5, print)
end)

t.test("what cannot be given to other nodes is an error on all", function()
  t.raises("a leaf is a function, which cannot be sent", tree.allReduce, { f = print }, math.max)
  if size == 1 then return end
  t.raises("its result is a function, which cannot be sent", tree.allReduce, "a", function()
    return print
  end)
end)

t.test("errors name the line that called the tree", function()
  local alone <const> = ipc.tree(world:split(rank))
  for _, call in ipairs { { alone.allReduce, "a text", "sum" }, { alone.allReduce, 1, "mean" },
                          { alone.scatter, { io.stdout } }, { alone.walkTable, 5 } } do
    local line
    local _, failure = pcall(function()
      line = debug.getinfo(1, "l").currentline + 1
      call[1](call[2], call[3])
    end)
    t.equal(tostring(failure):match("trees.lua:(%d+)"), tostring(line), tostring(failure))
  end
end)

t.test("a tree of some ranks", function()
  local half = ipc.tree(world:split(rank % 2))
  t.equal(half.allReduce(1, function(a, b) return a + b + 0 end), half.numNodes, "the sum")
end)

t.done()
