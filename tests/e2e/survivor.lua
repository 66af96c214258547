-- SPDX-License-Identifier: Apache-2.0
-- A rank of peer_loss.sh: reduces a tensor of arg[1] elements again and again until a peer is lost;
-- then drops it at once and looks whether somebody still writes to where it was. Prints its rank,
-- the code and the rank of the error, the seconds since all were well, and "clean" or what it
-- found.
local ipc = require "ipc"
local torch = require "torch"
local world = ipc.world()

local count <const> = tonumber(arg[1])
local tensor = torch.FloatTensor(count):fill(1)
local last_good = ipc.clock()
local failure
while not failure do
  local good, result = pcall(world.allreduce, world, tensor, "max")
  if good then last_good = ipc.clock() else failure = result end
end
local seconds = ipc.clock() - last_good

tensor = nil  -- luacheck: ignore 311
collectgarbage()
local others = {}
for i = 1, 3 do others[i] = torch.FloatTensor(count):fill(7) end
local found = "clean"
local until_then = ipc.clock() + 0.03
repeat
  for _, other in ipairs(others) do
    if other:ne(7):sum() > 0 then found = "written to" end
  end
until ipc.clock() > until_then

-- Every later operation says the same at once.
local _, again = pcall(world.barrier, world)
if tostring(again) ~= tostring(failure) then found = "another error: " .. tostring(again) end
print(world.rank, failure.code, failure.rank, seconds, found)
