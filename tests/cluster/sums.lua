-- SPDX-License-Identifier: Apache-2.0
-- A rank of tests/cluster/rank_faults.sh: sums tensors until that fails, and says how.
--   sums.lua COUNT [VICTIM STEP ACTION]
-- Before its sum number STEP the rank VICTIM does ACTION: "kill", "stop", "exit" or "error".
local ipc = require "ipc"
local torch = require "torch"
local world = ipc.world()
local count, victim, step, action = ...
local tensor = torch.FloatTensor(tonumber(count))

local actions <const> = {
  kill = function() os.execute("kill -9 " .. ipc.getpid()) end,
  stop = function() os.execute("kill -STOP " .. ipc.getpid()) end,
  exit = function() os.exit(0) end,
  error = function() error "a mistake of this rank" end,
}

local good, why
for i = 1, math.huge do
  if world.rank == tonumber(victim) and i == tonumber(step) then actions[action]() end
  good, why = pcall(world.allreduce, world, tensor:fill(1), "sum")
  if not good then break end
  if tensor[1] ~= world.size then error "a wrong sum" end
  if i == 1 and world.rank == 0 then io.write("begun\n") io.flush() end
end
io.write(("rank %d: %s: %s\n"):format(world.rank, why.code, tostring(why)))
io.flush()
