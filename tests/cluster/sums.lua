-- SPDX-License-Identifier: Apache-2.0
-- A rank of tests/cluster/rank_faults.sh and rank_networks.sh: sums tensors until that fails, and
-- says how.
--   sums.lua COUNT [VICTIM STEP ACTION]
--   sums.lua COUNT until STEP|FILE
-- Before its sum number STEP the rank VICTIM does ACTION: "kill", "stop", "exit" or "error". Or all
-- end well, after so many sums, or once there is such a FILE. With SUMS_TIMEOUT a sum may take so
-- many seconds. With SUMS_STATUS that is the exit status when a sum has failed.
local ipc = require "ipc"
local torch = require "torch"
local world = ipc.world()
local count, victim, step, action = ...
local tensor = torch.FloatTensor(tonumber(count))
local options <const> = { timeout = tonumber(os.getenv "SUMS_TIMEOUT") }

local actions <const> = {
  kill = function() os.execute("kill -9 " .. ipc.getpid()) end,
  stop = function() os.execute("kill -STOP " .. ipc.getpid()) end,
  exit = function() os.exit(0) end,
  error = function() error "a mistake of this rank" end,
}

local function is_last(i)
  if victim ~= "until" or world.rank ~= 0 then return false end
  if tonumber(step) then return i == tonumber(step) end
  local file <close> = io.open(step)
  return file ~= nil
end

local good, why
for i = 1, math.huge do
  if world.rank == tonumber(victim) and i == tonumber(step) then actions[action]() end
  tensor:fill(1)
  if is_last(i) then tensor[1] = 2 end
  good, why = pcall(world.allreduce, world, tensor, "sum", options)
  if not good or tensor[1] == world.size + 1 then break end
  if tensor[1] ~= world.size then error "a wrong sum" end
  -- All have done two, so all connections are there that there will be.
  if i == 3 and world.rank == 0 then io.write("begun\n") io.flush() end
end
io.write(("rank %d: %s\n"):format(world.rank, good and "well" or why.code .. ": " .. tostring(why)))
io.flush()
local status <const> = os.getenv "SUMS_STATUS"
if not good and status then os.exit(tonumber(status), true) end
