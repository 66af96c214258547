-- SPDX-License-Identifier: Apache-2.0
-- What allreduce does, to tensors, numbers and tables; and how fast it is here.
local ipc = require "ipc"
local torch = require "torch"
local world = ipc.world()

-- A tensor is reduced in place, on all ranks.
local t = torch.FloatTensor(4):fill(world.rank + 1)
world:allreduce(t, "sum")

-- Numbers are returned. A table is one operation, whatever is in it.
local mine = { loss = 0.5 * world.rank, samples = 10, weights = t:clone() }
local result = world:allreduce(mine, "max")

if world.rank == 0 then
  print("sum of 1.." .. world.size .. ": " .. t[1])
  print("largest loss: " .. result.loss .. ", samples: " .. result.samples)
end

-- One megabyte, many times: the median tells more than the mean.
local big = torch.FloatTensor(256 * 1024):fill(1 / world.size)
local times = {}
for i = 1, 50 do
  world:barrier()
  local start = ipc.clock()
  world:allreduce(big, "avg")
  times[i] = ipc.clock() - start
end
table.sort(times)
if world.rank == 0 then
  print(("1 MiB over %d ranks: %.0f us (median of %d)"):format(world.size, times[25] * 1e6, #times))
end
