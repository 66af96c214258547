-- SPDX-License-Identifier: Apache-2.0
-- A call of every kind on a world of one, small: run by allocation_failure_test under an allocator
-- that fails.
local ipc = require "ipc"
local torch = require "torch"
assert(require "libipc" == ipc)
local world = ipc.world()
assert(ipc.world() == world and world.rank == 0 and world.size == 1)
assert(tostring(world) == "ipc.world (rank 0 of 1)" and ipc.clock() > 0)
world:barrier()
world:barrier { timeout = 1 }
local t = torch.ones(2, 3)
assert(world:allreduce(t) == t and world:broadcast(t, 0) == t)
assert(world:allreduce(t:t(), "max", { timeout = 1 }):sum() == 6)
assert(world:allreduce(3, "avg") == 3.0 and world:broadcast(4) == 4)
local value = { 1, { x = 2.5, y = { t, t:narrow(2, 1, 2) } }, [0.5] = 2, word = 7 }
assert(world:allreduce(value) == value and value[2].x == 2.5 and value.word == 7)
assert(world:broadcast(value) == value and value[0.5] == 2)
local inside = coroutine.wrap(function() return world:allreduce({ 1 })[1] end)
assert(inside() == 1)
assert(world:allreduce(true, "land") == true and world:allreduce(torch.IntStorage { 3 })[1] == 3)
assert(world:reduce({ 1, t })[1] == 1 and world:broadcast("text") == "text")
-- What is refused: as a string, with the place.
assert(not pcall(world.allreduce, world, { [true] = 1 }))
assert(not pcall(world.allreduce, world, { 1, { "x" } }))
assert(not pcall(world.allreduce, world, t, "mean"))
assert(not pcall(world.allreduce, world, torch.ones(1):expand(3)))
assert(not pcall(world.broadcast, world, t, 1))
assert(not pcall(world.barrier, world, { late = 1 }))
assert(not pcall(world.barrier, world, { timeout = -1 }))
