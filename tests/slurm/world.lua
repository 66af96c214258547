-- SPDX-License-Identifier: Apache-2.0
-- Prints a line a rank: who it is, on which node, and the sum of 1 to n over all of them.
local ipc = require "ipc"
local torch = require "torch"
local world = ipc.world()
local sum = torch.DoubleTensor(3):fill(world.rank + 1)
world:allreduce(sum, "sum")
print(world.rank, world.size, os.getenv("SLURMD_NODENAME"), sum[1], sum[3])
