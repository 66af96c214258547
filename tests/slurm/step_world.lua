-- SPDX-License-Identifier: Apache-2.0
-- A task of tests/slurm/step.sh: says where it is in the world, and whether its sums are right.
--   step_world.lua [WAIT_FILE]    waits for this file before it leaves, so that steps overlap
local ipc = require "ipc"
local torch = require "torch"
local world = ipc.world()

local function sums_are_right(count)
  local tensor = torch.DoubleTensor(count):fill(world.rank + 1)
  world:allreduce(tensor, "sum")
  return tensor:min() == tensor:max() and tensor[1] == world.size * (world.size + 1) / 2
end

local good = sums_are_right(1) and sums_are_right(100000)
-- A Lua function goes along the tree that was planned.
local total = ipc.tree().allReduce(world.rank + 1, function(a, b) return a + b end)
good = good and total == world.size * (world.size + 1) / 2
local node, place, count = os.getenv "IPCRUN_NODE", os.getenv "IPCRUN_LOCAL_RANK",
    os.getenv "IPCRUN_LOCAL_SIZE"
if arg[1] then
  local seen
  repeat
    local file = io.open(arg[1])
    seen = world:allreduce(file and 1 or 0, "min") == 1
    if file then file:close() end
  until seen
end
print(world.rank, world.size, os.getenv "SLURMD_NODENAME", node, place, count,
  good and "right" or "wrong")
