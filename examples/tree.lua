-- SPDX-License-Identifier: Apache-2.0
-- Reductions by a function of Lua, as in torch-ipc: known ones are as fast as allreduce, others are
-- called along a tree of the ranks. And ranks that hand out work by messages.
local ipc = require "ipc"
local torch = require "torch"
local world = ipc.world()
local tree = ipc.tree()

-- Known by its code: a sum, done natively.
local sum = tree.allReduce(torch.FloatTensor(4):fill(tree.nodeIndex), function(a, b)
  return a:add(b)
end)

-- Not known: the longest text of all nodes.
local longest = tree.allReduce(("x"):rep(tree.nodeIndex), function(a, b)
  return #b > #a and b or a
end)

-- Node k has k steps; zero lets those that are through serve the others.
local steps = 0
for _ = 1, tree.nodeIndex do
  tree.allReduce(1, function(a, b) return a + b end)
  steps = steps + 1
end
tree.allReduce(nil, function(a, b) return a + b end, function() return 0 end)
local all_steps = world:gather(steps)

-- Rank 0 hands out numbers and takes squares as they come.
local squares = 0
if world.rank == 0 then
  for rank = 1, world.size - 1 do world:send(rank, rank) end
  for _ = 1, world.size - 1 do squares = squares + world:receive() end
  print("sum of nodes: " .. sum[1])
  print("longest text: " .. longest)
  print("steps: " .. table.concat(all_steps, " "))
  print("sum of squares: " .. squares)
else
  world:send(world:receive() ^ 2, 0)
end
