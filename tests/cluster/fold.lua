-- SPDX-License-Identifier: Apache-2.0
-- A rank of tests/cluster/deterministic.sh: reduces by functions of Lua along a tree, values for
-- which the order matters; rank 0 prints the results, bit by bit.
local ipc = require "ipc"
local torch = require "torch"
local world = ipc.world()

local function results_of(communicator)
  local tree = ipc.tree(communicator)
  local me = communicator.rank
  local number = tree.allReduce(1 / (me + 3), function(a, b) return a * 0.7 + b end)
  local word = tree.allReduce(tostring(me), function(a, b) return "(" .. a .. b .. ")" end)
  local tensor = torch.FloatTensor(3):fill(1 / (me + 7)):mul(10 ^ (3 * me))
  tree.allReduce(tensor, function(a, b) a:add(b):mul(1.1) end)
  return ("%a %s %a"):format(number, word, tensor[2])
end

local all = results_of(world)
local reversed = results_of(world:split(0, -world.rank))
if world.rank == 0 then print(all) end
if world.rank == world.size - 1 then print(reversed) end
