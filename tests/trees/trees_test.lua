-- SPDX-License-Identifier: Apache-2.0
-- Trees of threads, which met by connections: what trees of torch-ipc did, on all ways to carry
-- them.
local t = require "tap"
local nodes = require "nodes"
local ipc = require "ipc"

-- Groups that share memory; connections of one process, and sockets, that are used as links.
local ways <const> = { { "by memory" }, { "by links", "link" }, { "by sockets", "socket" } }

local function each_way(sentence, body)
  for _, way in ipairs(ways) do
    t.test(("%s, %s"):format(sentence, way[1]), function() body(way[2]) end)
  end
end

local function plan(n, way, more)
  local result = { n = n, link = way and "socket", way = way == "socket" and "socket" or nil }
  for key, value in pairs(more or {}) do result[key] = value end
  return result
end

for _, case in ipairs { { "sums", "sums by functions that are known, and others" },
                        { "in_place", "results are in place, and nil keeps what there is" },
                        { "rows", "views and storages" },
                        { "sizes", "sizes and types that change" },
                        { "uneven", "nodes with fewer steps serve the others" },
                        { "first_zero", "zero before any value is an error" },
                        { "scatter", "scatter gives the root's value to all" },
                        { "walk", "walkTable walks by sorted keys" },
                        { "mismatch", "values that differ are an error on all" },
                        { "yielding", "functions that yield are an error on all" },
                        { "beside", "messages beside the tree" },
                        { "sgd", "AllReduceSGD of torch-distlearn" } } do
  each_way(case[2], function(way)
    for _, n in ipairs { 2, 5 } do nodes.threads(plan(n, way), case[1]) end
  end)
end

t.test("bases from 2 to 8, and any number of nodes", function()
  for _, case in ipairs { { 3, 2 }, { 9, 4 }, { 7, 3 }, { 17, 8 }, { 12, 5 }, { 8, 6 },
                          { 9, 7 } } do
    for _, way in ipairs(ways) do
      nodes.threads(plan(case[1], way[2], { base = case[2] }), "sums")
    end
  end
end)

t.test("one node alone", function() nodes.threads(plan(1), "sums") end)

t.test("a tree of one node checks what it is given, as others do", function()
  local Tree = require "ipc.Tree"
  for _, tree in ipairs { Tree(1, 1), require "ipc.NullTree"() } do
    t.raises("expected a function, or one of 'sum'", tree.allReduce, 1, "bogus")
    t.raises("expected a function, or one of 'sum'", tree.allReduce, 1)
    t.raises("zero: expected a function, got number", tree.allReduce, 1, "sum", 5)
    t.raises("allReduce is called with a dot", tree.allReduce, tree, 1, "sum")
    t.raises("on node 1", tree.allReduce, { true }, "sum")
    t.raises("a leaf is a thread, which cannot be sent", tree.allReduce,
      { coroutine.create(print) }, math.max)
    t.raises("scatter: the value cannot be sent from node 1", tree.scatter,
      coroutine.create(print))
    t.equal(tree.allReduce(5, "sum"), 5, "afterwards")
    t.equal(select(2, tree.allReduce(nil, "sum", function() return 0 end)), 0, "with zero")
  end
  for _, maker in ipairs { "Tree", "StaticTree", "LocalhostTree" } do
    t.raises("no such link: 'bogus' (there are: fastest", require("ipc." .. maker), 1, 1,
      { link = "bogus" })
  end
  t.raises("base: expected", Tree, 1, 1, 1)
  t.raises("Tree: port: expected a port", Tree, 1, 1, 2, nil, nil, nil, "high")
end)

t.test("64 nodes of uneven steps, by links", function()
  nodes.threads(plan(64, "link", { base = 8 }), "uneven_some")
end)

t.test("hundreds of nodes of uneven steps", function()
  nodes.threads(plan(200, nil, { base = 4 }), "uneven_some")
end)

t.test("a hundred nodes that have sockets", function()
  t.equal(#nodes.threads(plan(100, "socket", { base = 3 }), "identity"), 100, "nodes")
end)

each_way("all nodes have the same bits", function(way)
  local results = nodes.threads(plan(6, way), "bits")
  for i = 2, 6 do t.equal(results[i] == results[1], true, "those of node " .. i) end
end)

each_way("elastic averaging of torch-distlearn", function(way)
  local results = nodes.threads(plan(4, way), "elastic")
  for i = 2, 4 do t.equal(results[i], results[1], "the centre on node " .. i) end
end)

each_way("a function that fails on one node fails on all", function(way)
  for culprit = 1, 3 do nodes.threads(plan(3, way), "failing", culprit) end
end)

each_way("a call with a colon, or from a function of a reduction, is an error", function(way)
  nodes.threads(plan(3, way), "wrong_calls")
end)

t.test("arguments that make no sense are told by their names", function()
  local Localhost, Discovered = require "ipc.LocalhostTree", require "ipc.DiscoveredTree"
  t.raises("numNodes: expected a number without a fraction, 1 or more, got the text '4'",
    Localhost, 1, "4")
  t.raises("publish: expected a function, got nil", Discovered, 1, 2, "127.0.0.1", 0)
  t.raises("query: expected a function, got number", Discovered, 1, 2, "127.0.0.1", 0, print, 5)
end)

t.test("more nodes than can be are an error at once, on the caller's line", function()
  local began = ipc.clock()
  for _, maker in ipairs { "Tree", "StaticTree", "DiscoveredTree", "LocalhostTree" } do
    local good, why = pcall(function()
      local tree = require("ipc." .. maker)(1, 1e9, "127.0.0.1", 0, print, print)
      return tree
    end)
    t.equal(good, false, maker)
    t.equal(why:find(maker .. ": numNodes: expected 65536 or less, got 1000000000", 1, true) ~= nil,
      true, why)
    t.equal(why:find("trees_test.lua:", 1, true) ~= nil, true, why)
  end
  t.equal(ipc.clock() - began < 5, true, "soon")
end)

t.test("a server in the place of a client, and the other way round, is told by its name", function()
  local Tree, server, port = require "ipc.Tree", ipc.server("127.0.0.1", 0)
  local client = ipc.client("127.0.0.1", port)
  t.raises("Tree: server: expected one of ipc.server, got a client", Tree, 1, 2, 2, client)
  t.raises("Tree: client: expected one of ipc.client, got a server", Tree, 2, 2, 2, nil, server)
  t.raises("Tree: server: expected one of ipc.server, got a number", Tree, 1, 2, 2, 5)
  client:close()
  server:close()
end)

t.test("hosts and ports that make no sense are told at once, by their names", function()
  local began = ipc.clock()
  local host <const>, options <const> = "127.0.0.1", { timeout = 30 }
  for _, case in ipairs {
    { "StaticTree: nodePort or rootPort: expected a port", 1, 2, host },
    { "StaticTree: nodePort or rootPort", 1, 2, host, 0 },
    { "StaticTree: nodeHost: expected the name of a host", 1, 2, nil, nil, host, 5000 },
    { "StaticTree: rootHost: expected", 2, 2 },
    { "StaticTree: rootPort: expected a port, a number from 1 to 65535, got nil", 2, 2, host, nil,
      host },
    { "StaticTree: rootPort", 2, 2, host, nil, host, 70000 },
    { "StaticTree: nodePort: expected a port, a number from 0 to 65535", 2, 2, host, -1, host, 1 },
    { "DiscoveredTree: nodePort: expected", 1, 2, host, 1e9, print, print },
    { "DiscoveredTree: the port of query(): expected a port, a number from 1", 2, 2, host, 0,
      print, function() return host, 0 end },
    { "DiscoveredTree: the host of query(): expected", 2, 2, nil, nil, print,
      function() return 5, 5000 end },
    { "Tree: port: expected a port", nil, 2, 2, nil, {}, host, "high" },
    { "Tree: host: expected the name", nil, 2, 2, nil, {}, 5 },
  } do
    local given = table.pack(table.unpack(case, 2, 8))
    given[8] = options
    local good, why = pcall(function()
      local tree = require("ipc." .. case[1]:match "^%w+")(table.unpack(given, 1, 8))
      return tree
    end)
    t.equal(good, false, case[1])
    t.equal(why:find(case[1], 1, true) ~= nil, true, why)
    t.equal(why:find("trees_test.lua:", 1, true) ~= nil, true, why)
  end
  t.equal(ipc.clock() - began < 10, true, "soon")
end)

t.test("LocalhostTree whose nodes do not come says how they are found", function()
  for index, text in ipairs { "1 of 2 nodes have come", "node 1 has not come" } do
    local good, why = pcall(require "ipc.LocalhostTree", index, 2, "alone-" .. ipc.getpid(),
      { timeout = 0.1 })
    t.equal(good, false, "a node alone")
    t.equal(tostring(why):find(text, 1, true) ~= nil, true, tostring(why))
    t.equal(tostring(why):find("give all the same ppid, the third argument", 1, true) ~= nil, true,
      tostring(why))
  end
end)

each_way("nodes without an index get those that are left; floats are taken", function(way)
  local results = nodes.threads(plan(5, way, { numbered = true }), "identity")
  for i = 1, 5 do t.equal(results[i], i, "index") end
  results = nodes.threads(plan(5, way), "identity")
  for i = 1, 5 do t.equal(results[i], i, "index") end
  local tree = require "ipc.Tree"(1.0, 1.0, 2)
  t.equal(tree.nodeIndex, 1, "of floats")
end)

each_way("parents and children are one tree, of no more children than the base says", function(way)
  for _, base in ipairs { 2, 4 } do
    local shapes = nodes.threads(plan(11, way, { base = base }), "shape")
    local edges = 0
    for node, shape in ipairs(shapes) do
      t.equal(#shape.children <= base + (node == 1 and 1 or 0), true, "children")
      t.equal(shape.links, #shape.children + (shape.parent > 0 and 1 or 0), "links")
      for _, child in ipairs(shape.children) do
        t.equal(shapes[child].parent, node, "its child's parent")
        edges = edges + 1
      end
    end
    t.equal(edges, 10, "edges")
    t.equal(shapes[1].parent, 0, "the root")
  end
end)

each_way("buildTree gives the shape", function(way)
  local shapes = nodes.threads(plan(4, way, { build = function() return { 0, 1, 2, 3 } end }),
    "shape")
  for i = 2, 4 do t.equal(shapes[i].parent, i - 1, "a chain") end
end)

t.test("a shape that is no tree is an error on all nodes", function()
  local function circle() return { 0, 3, 4, 2 } end
  t.raises("below itself", nodes.threads, plan(4, nil, { build = circle }), "shape")
end)

t.test("numNodes that differ are an error on all nodes, at once", function()
  local began = ipc.clock()
  t.raises("numNodes", nodes.threads, plan(2, nil, { numNodes = 3 }), "identity")
  t.equal(ipc.clock() - began < 10, true, "soon")
end)

-- What each of the nodes has got, which are threads and give these indices and numbers of nodes;
-- the root is one more.
local function all_complaints(link, given, timeout)
  local server, port = ipc.server("127.0.0.1", 0)
  local others = ipc.map(#given, function(at, way, wishes, seconds, id)
    local client = require "ipc".client("127.0.0.1", at, { link = way })
    local began = require "ipc".clock()
    local _, why = pcall(require "ipc.Tree", wishes[id][1], wishes[id][2], 2, nil, client,
      { timeout = seconds, link = way })
    return { tostring(why), type(why) == "table" and why.code, require "ipc".clock() - began }
  end, port, link, given, timeout)
  local began = ipc.clock()
  local _, why = pcall(require "ipc.Tree", 1, 4, 2, server, nil, { timeout = timeout, link = link })
  local result = { { tostring(why), why.code, ipc.clock() - began }, others:join() }
  server:close()
  return result
end

for _, link in ipairs { "fastest", "socket" } do
  t.test("all nodes are told at once that one disagrees, " .. link, function()
    for odd = 1, 3 do
      local given = { {}, {}, {} }
      for i = 1, 3 do given[i] = { nil, i == odd and 5 or 4 } end
      for _, got in ipairs(all_complaints(link, given, 30)) do
        t.equal(got[1]:find("numNodes is 4 on node 1, and 5", 1, true) ~= nil, true, got[1])
        t.equal(got[2], "usage", "its code")
        t.equal(got[3] < 10, true, "soon")
      end
    end
  end)

  t.test("all nodes are told which one is missing, " .. link, function()
    for _, got in ipairs(all_complaints(link, { { 3, 4 }, { 4, 4 } }, 0.5)) do
      t.equal(got[1]:find("3 of 4 nodes have come", 1, true) ~= nil, true, got[1])
      t.equal(got[1]:find("not there: node 2", 1, true) ~= nil, true, got[1])
      t.equal(got[2], "timeout", "its code")
    end
  end)
end

t.test("an index that two nodes have is an error on all nodes", function()
  local server, port = ipc.server("127.0.0.1", 0)
  local Tree = require "ipc.Tree"
  local others = ipc.map(2, function(at)
    local client = require "ipc".client("127.0.0.1", at)
    local good, why = pcall(require "ipc.Tree", 2, 3, 2, nil, client, { timeout = 20 })
    return good or tostring(why)
  end, port)
  t.raises("nodeIndex 2 was given to two nodes", Tree, 1, 3, 2, server, nil, { timeout = 20 })
  for _, why in ipairs { others:join() } do
    t.equal(tostring(why):find("nodeIndex 2 was given to two", 1, true) ~= nil, true, tostring(why))
  end
  server:close()
end)

t.test("nodes that do not come are an error in time", function()
  local server = ipc.server("127.0.0.1", 0)
  t.raises("1 of 2 nodes have come within 0.2 s", require "ipc.Tree", 1, 2, 2, server, nil,
    { timeout = 0.2 })
  server:close()
end)

t.test("arguments that make no sense are told with the caller's line", function()
  local Tree = require "ipc.Tree"
  t.raises("trees_test.lua", function() local _ = Tree(1, 0) end)
  t.raises("numNodes", Tree, 1, 0)
  t.raises("nodeIndex is 3, of 2 nodes", Tree, 3, 2, 2)
  t.raises("exactly one of the two", Tree, 1, 2, 2)
  t.raises("unknown option 'speed'", Tree, 1, 2, 2, { speed = 1 })
end)

t.test("two trees over one server", function()
  local server, port = ipc.server("127.0.0.1", 0)
  local Tree = require "ipc.Tree"
  local others = ipc.map(2, function(at)
    local client = require "ipc".client("127.0.0.1", at)
    local first = require "ipc.Tree"(nil, 3, 2, nil, client)
    local second = require "ipc.Tree"(nil, 3, 2, nil, client)
    return first.allReduce(1, "sum") + 10 * second.allReduce(1, "sum")
  end, port)
  local first, second = Tree(1, 3, 2, server), Tree(1, 3, 2, server)
  t.equal(first.allReduce(1, "sum") + 10 * second.allReduce(1, "sum"), 33, "sums")
  local a, b = others:join()
  t.equal(a + b, 66, "those of the others")
  server:close()
end)

t.test("NullTree is the tree of one node", function()
  local tree = require "ipc.NullTree"()
  t.equal(tree.numNodes, 1, "nodes")
  local value, n = tree.allReduce(5, function() end)
  t.equal(value, 5, "the value")
  t.equal(n, 1, "nodes that gave")
  t.equal(select(2, tree.allReduce(nil, "sum", function() return 0 end)), 0, "with zero")
  t.equal(tree.scatter("x"), "x", "scatter")
  tree.netStats()
end)

t.test("ipc.utils walks tables", function()
  local sum = 0
  require "ipc.utils".walkTable({ 1, { a = 2 } }, function(leaf) sum = sum + leaf end)
  t.equal(sum, 3, "leaves")
end)

t.done()
