-- SPDX-License-Identifier: Apache-2.0
-- A call of every kind, small: run by allocation_failure_test under an allocator that fails.
local world = ipc.world()
world:barrier()
world:barrier {timeout = 1}
local a = torch.DoubleTensor(3, 4):fill(1)
local value = {a, a:t(), {x = 1, y = 2.5, [3] = torch.FloatTensor(5000):fill(2)}}
assert(world:allreduce(value, 'avg', {timeout = 1}) == value)
assert(world:broadcast(value, 0) == value and world:allreduce(7) == 7)
assert(tostring(world) == 'ipc.world (rank 0 of 1)' and ipc.clock() > 0)
assert(not pcall(world.allreduce, world, {print}))
assert(not pcall(world.allreduce, world, torch.FloatTensor(1):expand(3)))
assert(not pcall(world.allreduce, world, 1, 'no such'))
assert(not pcall(world.broadcast, world, 1, 9))
