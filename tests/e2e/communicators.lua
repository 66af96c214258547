-- SPDX-License-Identifier: Apache-2.0
-- Proves what communicators that are split off others are, and that they are by themselves. Run on
-- every rank of a job.
local ipc = require "ipc"
local torch = require "torch"
local t = require "job_tap"

local world <const> = ipc.world()
local rank <const>, size <const> = world.rank, world.size

t.test("colours part the ranks, keys order them", function()
  local half = world:split(rank % 2, -rank)
  local expected = {}
  for r = size - 1, 0, -1 do
    if r % 2 == rank % 2 then expected[#expected + 1] = r end
  end
  t.equal(table.concat(half.members, " "), table.concat(expected, " "), "members")
  t.equal(half.size, #expected, "size")
  t.equal(half.members[half.rank + 1], rank, "own place")
  t.equal(half:allreduce(rank), (function()
    local sum = 0
    for _, r in ipairs(expected) do sum = sum + r end
    return sum
  end)(), "sum")
  t.equal(tostring(half), ("ipc.Communicator (rank %d of %d)"):format(half.rank, half.size), "text")
  for _, name in ipairs { "node", "local_rank", "local_size" } do
    t.equal(half[name], nil, name .. " is of the world alone")
  end
  t.raises("read-only", function() half.size = 1 end)
end)

t.test("who has no colour gets nothing", function()
  local first = world:split(rank == 0 and 0 or nil)
  t.equal(first == nil, rank ~= 0, "a communicator")
  if first then t.equal(first.size, 1, "size") end
  t.equal(world:split(-1), nil, "nobody has one")
end)

t.test("splits of splits of splits work, beside each other", function()
  local comm = world
  for level = 1, 3 do
    local part <close> = comm:split(comm.rank < (comm.size + 1) // 2 and 0 or 1)
    t.equal(part:allreduce(1), part.size, "level " .. level)
    comm = comm:split(comm.rank % 2, comm.rank, { timeout = 30 })
    local list = comm:allgather { rank }
    for i = 1, comm.size do t.equal(list[i][1], comm.members[i], "a rank of level " .. level) end
    t.equal(comm:broadcast(comm.rank == 0 and "text" or nil), "text", "a broadcast")
  end
  t.equal(world:allreduce(1), size, "the world meanwhile")
end)

t.test("localities are communicators too", function()
  for _, name in ipairs { "node", "numa", "l3" } do
    local comm <close> = world:split(name)
    t.equal(comm:allreduce(1), comm.size, name)
    t.equal(comm.members[comm.rank + 1], rank, "own place in " .. name)
  end
  t.equal(world:split("node", { timeout = 30 }).size, world.local_size, "who share the node")
end)

t.test("operations under way in several communicators do not disturb each other", function()
  local a, b = world:split(0), world:split(0, -rank)
  local works = {}
  for i = 1, 4 do
    works[#works + 1] = a:allreduce(torch.FloatTensor(50000):fill(i), { async = true })
    works[#works + 1] = b:allreduce(torch.FloatTensor(50000):fill(-i), { async = true })
  end
  for i = #works, 1, -1 do
    local sign = i % 2 == 1 and 1 or -1
    t.equal(works[i]:wait()[7], sign * ((i + 1) // 2) * size + 0.0, "sum " .. i)
  end
end)

t.test("a closed one says so, however often it is closed", function()
  local comm = world:split(0)
  comm:close()
  comm:close()
  t.equal(tostring(comm), "ipc.Communicator (closed)", "text")
  t.raises("the communicator is closed", comm.allreduce, comm, 1)
  t.raises("the communicator is closed", function() return comm.rank end)
  local scope
  do
    local inner <close> = world:split(0)
    scope = inner
  end
  t.equal(tostring(scope), "ipc.Communicator (closed)", "at the end of its scope")
  do
    local same <close> = world
    t.equal(rawequal(same, world), true, "the world")
  end
  t.equal(world:allreduce(1), size, "the world stays open")
end)

t.test("what was started and not waited for ends with its communicator", function()
  local part = world:split(rank)
  local placed = part:receive_into(torch.Tensor(4), { async = true })
  local value = part:receive { async = true }
  local sent = part:send(torch.Tensor(300000), 0, { async = true })
  part:close()
  for _, work in ipairs { placed, value, sent } do
    t.raises("the communicator of this work is closed", work.wait, work)
    t.raises("the communicator of this work is closed", work.test, work)
  end
  local dropped = world:split(rank)
  dropped:receive_into(torch.Tensor(4), { async = true })
  dropped = nil  -- luacheck: ignore 311
  collectgarbage()
  t.equal(world:allreduce(1), size, "a sum afterwards")
end)

t.test("hundreds, of which the collector takes care", function()
  for _ = 1, 300 do
    local comm = world:split(0)
    comm:barrier()
  end
  t.equal(world:allreduce(1), size, "a sum afterwards")
end)

t.done()
