-- SPDX-License-Identifier: Apache-2.0
-- Who is there: one line a rank.
local ipc = require "ipc"
local world = ipc.world()

print(("hello from rank %d of %d"):format(world.rank, world.size))
world:barrier()
if world.rank == 0 then print("all " .. world.size .. " have said hello") end
