-- SPDX-License-Identifier: Apache-2.0
-- Elastic averaging SGD (Zhang, Choromanska, LeCun, "Deep learning with Elastic Averaging SGD",
-- NIPS 2015) as AllReduceEA of torch-distlearn had it. Each node fits a line to data of its own,
-- some with more steps than others, and is drawn to a centre that all share.
--
--   ipcrun-lua elastic_averaging.lua --numNodes 4
local ipc = require "ipc"
local torch = require "torch"

local cmd = torch.CmdLine()
cmd:option("--numNodes", 4, "nodes, each a thread of this program")
cmd:option("--steps", 800, "of the node with fewest")
cmd:option("--tau", 10, "steps between two averages")
cmd:option("--alpha", 0.2, "how strongly nodes and the centre are drawn to each other")
local options = cmd:parse(arg)

-- What a node does: its tree, and the options.
local function train(tree, opt)
  local torch = require "torch"  -- luacheck: ignore 431
  local function sum(a, b) return a:add(b) end
  torch.manualSeed(tree.nodeIndex)
  local params = { weight = torch.DoubleTensor(2):zero(), bias = torch.DoubleTensor(1):zero() }
  local centre, delta = {}, {}
  for name, value in pairs(params) do
    centre[name], delta[name] = value:clone(), value:clone():zero()
  end

  local function step()
    local x = torch.randn(2)
    local wrong = params.weight:dot(x) + params.bias[1] - (3 * x[1] - 2 * x[2] + 0.5)
    params.weight:add(-0.05 * wrong, x)
    params.bias[1] = params.bias[1] - 0.05 * wrong
  end

  -- What goes from the node to the centre, for one leaf.
  local function draw(name)
    delta[name]:copy(params[name]):add(-1, centre[name]):mul(opt.alpha)
    params[name]:add(-1, delta[name])
    return delta[name]
  end
  local function average()
    for name in pairs(params) do draw(name) end
    tree.allReduce(delta, sum)
    for name in pairs(params) do centre[name]:add(1 / tree.numNodes, delta[name]) end
  end

  -- Nodes have uneven numbers of steps; the first one has most, so that its centre has them all.
  for i = 1, opt.steps + 20 * (tree.numNodes - tree.nodeIndex) do
    step()
    if i % opt.tau == 0 then average() end
  end
  -- Those that are done serve the others, with nothing of their own, until all are.
  tree.allReduce(delta, sum, function(leaf) return leaf:zero() end)
  tree.scatter(centre)
  return tree.nodeIndex, centre.weight[1], centre.weight[2], centre.bias[1]
end

local server, port = ipc.server("127.0.0.1", 0)
local Tree = require "ipc.Tree"
local nodes = ipc.map(options.numNodes - 1, function(at, count, opt, body)
  local client = require "ipc".client("127.0.0.1", at)
  local tree = require "ipc.Tree"(nil, count, 2, nil, client, "127.0.0.1")
  return { body(tree, opt) }
end, port, options.numNodes, options, train)
local found = { { train(Tree(1, options.numNodes, 2, server, nil, "127.0.0.1", port), options) } }
for _, node in ipairs { nodes:join() } do found[#found + 1] = node end
table.sort(found, function(a, b) return a[1] < b[1] end)
for _, node in ipairs(found) do
  print(("node %d: y = %.2f x1 + %.2f x2 + %.2f"):format(table.unpack(node)))
end
server:close()
