-- SPDX-License-Identifier: Apache-2.0
-- Proves: operations that were started end in any order of waiting, keep what they work on, and
-- raise their errors where they are waited for. Run on every rank of a job.
local ipc = require "ipc"
local torch = require "torch"
local t = require "job_tap"

local world <const> = ipc.world()
local rank <const>, size <const> = world.rank, world.size
local sum_of_ranks <const> = size * (size + 1) // 2
local large <const> = 100000

t.test("handles may be waited for in any order", function()
  for _, count in ipairs { 3, large } do
    local tensors, works = {}, {}
    for i = 1, 6 do
      tensors[i] = torch.FloatTensor(count):fill(i * (rank + 1))
      works[i] = world:allreduce(tensors[i], { async = true })
    end
    for _, i in ipairs { 4, 1, 6, 2, 5, 3 } do
      t.equal(rawequal(works[i]:wait(), tensors[i]), true, "the tensor is the result")
      t.equal(tensors[i]:ne(i * sum_of_ranks):sum(), 0, "sum " .. i)
    end
  end
end)

t.test("each operation has its result: numbers, tables, nothing", function()
  local works = {
    world:allreduce(rank + 1, "max", { async = true }),
    world:allreduce({ a = rank, b = { 1.5 } }, { async = true }),
    world:barrier { async = true },
    world:broadcast({ x = rank }, size - 1, { async = true }),
    world:reduce(torch.ones(2), 0, "sum", { async = true }),
    world:reduce(5, size - 1, { async = true }),
  }
  t.equal(works[6]:wait(), rank == size - 1 and 5 * size or nil, "reduce")
  t.equal(works[5]:wait() == nil, rank ~= 0, "reduce to rank 0")
  t.equal(works[4]:wait().x, size - 1, "broadcast")
  t.equal(works[3]:wait(), true, "barrier")
  t.equal(works[2]:wait().b[1], 1.5 * size, "allreduce of a table")
  t.equal(works[1]:wait(), size, "allreduce of a number")
  t.equal(works[1]:wait(), size, "once more")
  t.equal(works[1]:test(), true, "and it is done")
end)

t.test("blocks of tensors are started too", function()
  local all = torch.FloatTensor(size, 3)
  local gather = world:allgather(torch.FloatTensor(3):fill(rank), { into = all, async = true })
  local part = world:reduce_scatter(torch.ones(size * 2), { async = true })
  local turned = world:alltoall(torch.LongTensor(size):fill(rank), { async = true })
  local own = world:scatter(rank == 0 and torch.range(1, size) or nil, 0,
    { into = torch.DoubleTensor(1), async = true })
  t.equal(own:wait()[1], rank + 1.0, "scatter")
  t.equal(turned:wait()[size], size - 1, "alltoall")
  t.equal(part:wait()[2], size + 0.0, "reduce_scatter")
  t.equal(rawequal(gather:wait(), all), true, "allgather")
  t.equal(all[size][3], size - 1.0, "its last element")
end)

t.test("a wait that is too short gives false, and the operation goes on", function()
  if size == 1 then return end
  local work
  if rank == 0 then
    work = world:allreduce(1, { async = true })
    local value, why = work:wait(0)
    if value == false then t.equal(why, "timeout", "why") end
    t.equal(work:test(), false, "is it done before the others came?")
    world:send("go", 1)
  else
    if rank == 1 then world:receive { from = 0 } end
    work = world:allreduce(1, { async = true })
  end
  t.equal(work:wait(), size, "the sum")
end)

t.test("more than can be under way at once wait for the oldest", function()
  local works = {}
  for i = 1, 30 do works[i] = world:allreduce(i, { async = true }) end
  for i = 30, 1, -1 do t.equal(works[i]:wait(), i * size, "sum " .. i) end
end)

t.test("a handle that is dropped harms nobody, and the memory stays while it is used", function()
  local kept = {}
  for i = 1, 20 do
    kept[i] = torch.FloatTensor(large):fill(1)
    world:allreduce(kept[i], { async = true })
    world:allreduce(torch.FloatTensor(large):fill(2), { async = true })  -- nobody else has it
    collectgarbage()
  end
  world:barrier()
  for i = 1, 20 do t.equal(kept[i]:ne(size):sum(), 0, "elements of " .. i) end
end)

t.test("started and other operations mix", function()
  local work = world:allreduce(torch.FloatTensor(large):fill(1), { async = true })
  t.equal(world:allreduce(1), size, "a sum meanwhile")
  world:barrier()
  t.equal(work:wait()[large], size + 0.0, "the started one")
end)

t.test("a mismatch is raised by the wait, again and again, and the world works on", function()
  if size == 1 then return end
  local work = world:allreduce(torch.ones(rank == 0 and 2 or 3), { async = true })
  for _ = 1, 2 do
    local good, failure = pcall(work.wait, work)
    t.equal(good, false, "it succeeded")
    t.equal(failure.code, "mismatch", "code")
  end
  t.equal(world:allreduce(1), size, "a sum afterwards")
end)

t.test("the work of a communicator that was closed says so", function()
  local half = world:split(0)
  local done = half:allreduce(1, { async = true })
  t.equal(done:wait(), size, "the sum")
  local work = half:barrier { async = true }
  work:wait()
  half:close()
  t.equal(done:wait(), size, "what is finished stays")
  t.raises("the communicator is closed", half.barrier, half)
end)

t.done()
