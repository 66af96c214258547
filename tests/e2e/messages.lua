-- SPDX-License-Identifier: Apache-2.0
-- Proves what messages between two ranks carry, and in which order they come. Run on every rank of
-- a job; each sends to the next one, which for one rank is itself.
local ipc = require "ipc"
local torch = require "torch"
local t = require "job_tap"

local world <const> = ipc.world()
local rank <const>, size <const> = world.rank, world.size
local next_rank <const>, previous <const> = (rank + 1) % size, (rank - 1) % size

-- Sends a value around; what came.
local function pass(value, options)
  local work = world:send(value, next_rank, { async = true, tag = options and options.tag })
  local got, source, tag = world:receive { from = previous, tag = options and options.tag }
  t.equal(source, previous, "source")
  t.equal(tag, options and options.tag or 0, "tag")
  t.equal(work:wait(), true, "the send")
  return got
end

t.test("simple values come as they are", function()
  for _, value in ipairs { true, false, 0, -1, math.mininteger, 1.0, -0.5, math.huge, "", "a\0b",
                           ("x"):rep(5000), ("long"):rep(300000) } do
    t.equal(pass(value), value, "the value")
  end
  t.equal(pass(nil), nil, "nothing")
end)

t.test("tables come with cycles, shared places and all kinds of keys", function()
  local shared = { 1 }
  local value = { shared, shared, x = { y = { z = shared } }, [2.5] = true, [false] = "no" }
  value.self = value
  local got = pass(value)
  t.equal(rawequal(got.self, got) and rawequal(got[1], got.x.y.z), true, "the same tables")
  t.equal(got[2.5], true, "a float key")
  t.equal(got[false], "no", "a boolean key")
end)

t.test("tensors and storages come in their shape, alone and in tables", function()
  for _, count in ipairs { 0, 1, 7, 500, 300000 } do
    local given = torch.IntTensor(2, count):fill(rank)
    local got = pass(given)
    t.equal(got:type(), "torch.IntTensor", "type")
    t.equal(got:size(2), count, "columns")
    t.equal(got:ne(previous):sum(), 0, "elements")
    local list = pass { given, name = "t", row = given:select(1, 1) }
    t.equal(list[1]:ne(previous):sum(), 0, "elements in a table")
    if count > 0 then
      list.row:fill(77)
      t.equal(list[1][1][1], 77, "one storage")
      t.equal(given[1][1], rank, "which is not the sender's")
    end
  end
  t.equal(pass(torch.range(1, 6):view(2, 3):t())[3][2], 6.0, "a transposed one")
  t.equal(pass(torch.ByteStorage():string("ping")):string(), "ping", "a storage")
end)

t.test("functions come with what they closed over, and use the modules that are here", function()
  local floor, weights, count = math.floor, torch.FloatTensor(300000):fill(rank), 0
  _G.here = rank
  local got = pass {
    add = function(n) count = count + n; return count end,
    count = function() return count end,
    mean = function() return floor(weights:mean()) end,
    zeros = function() return torch.zeros(3) end,
    where = function() return _G.here end,
  }
  got.add(5)
  t.equal(got.count(), 5, "what two functions share")
  t.equal(count, 0, "which is not the sender's")
  t.equal(got.mean(), previous, "the mean of the sender's tensor")
  t.equal(got.zeros():nElement(), 3, "elements by the module that is here")
  t.equal(got.where(), rank, "a global")
  t.equal(pass(string.rep), string.rep, "a function of C")
  t.equal(world:broadcast(rank == 0 and function() return _G.here end or nil)(), rank, "for all")
end)

t.test("what came may be sent on, and used in any operation", function()
  local got = pass(pass(torch.FloatTensor(100000):fill(1)))
  world:allreduce(got)
  t.equal(got:ne(size):sum(), 0, "the sum")
end)

t.test("equal tags keep their order, other tags may be taken first", function()
  for i = 1, 50 do world:send(i, next_rank, { tag = i % 2 }) end
  for i = 2, 50, 2 do t.equal(world:receive { from = previous, tag = 0 }, i, "an even one") end
  for i = 1, 50, 2 do t.equal(world:receive { from = previous, tag = 1 }, i, "an odd one") end
end)

t.test("rank 0 takes what comes from anybody", function()
  if rank > 0 then world:send({ rank }, 0, { tag = rank }) end
  if rank == 0 then
    local seen = {}
    for _ = 1, size - 1 do
      local value, source, tag = world:receive()
      t.equal(value[1], source, "source")
      t.equal(tag, source, "tag")
      seen[source] = true
    end
    for r = 1, size - 1 do t.equal(seen[r], true, "rank " .. r) end
  end
  world:barrier()
end)

t.test("receive_into fills a tensor of as many elements, whatever its strides", function()
  for _, count in ipairs { 6, 60000 } do
    local work = world:send(torch.range(1, count):float(), next_rank, { async = true })
    local into = torch.FloatTensor(count // 2, 2):zero():t()
    local got, source, tag = world:receive_into(into, { from = previous })
    t.equal(rawequal(got, into), true, "the tensor")
    t.equal(source, previous, "source")
    t.equal(tag, 0, "tag")
    t.equal(into[2][count // 2], count + 0.0, "the last element")
    t.equal(into[1][2], 2.0, "the second element")
    work:wait()
  end
end)

t.test("receive_into leaves a message that does not fit, and says what would", function()
  local name_of = {
    ["torch.FloatTensor"] = "f32", ["torch.DoubleTensor"] = "f64", ["torch.IntTensor"] = "i32",
  }
  world:send(torch.FloatTensor(4):fill(3), next_rank)
  for _, into in ipairs { torch.FloatTensor(5), torch.DoubleTensor(2), torch.IntTensor(4) } do
    local good, failure = pcall(world.receive_into, world, into, { from = previous })
    t.equal(good, false, "it succeeded")
    t.equal(failure.code, "mismatch", "code")
    t.equal(failure.rank, previous, "rank")
    t.equal(failure.message:match("the message.*"),
      ("the message of rank %d, tag 0, is not one tensor of %d elements of %s; receive() takes any")
        :format(previous, into:nElement(), name_of[into:type()]), "what it says")
  end
  t.equal(world:receive { from = previous }:sum(), 12.0, "the message")
end)

t.test("receives may be started, with and without a place", function()
  local into = torch.LongTensor(1000)
  local placed = world:receive_into(into, { from = previous, tag = 1, async = true })
  local other = world:receive { from = previous, tag = 2, async = true }
  t.equal(other:test(), false, "is it there yet?")
  local value, why = other:wait(0)
  t.equal(value, false, "a wait that is too short")
  t.equal(why, "timeout", "why")
  world:barrier()
  world:send({ rank }, next_rank, { tag = 2 })
  world:send(torch.LongTensor(1000):fill(rank), next_rank, { tag = 1 })
  local got, source, tag = other:wait()
  t.equal(got[1], previous, "the value")
  t.equal(source, previous, "source")
  t.equal(tag, 2, "tag")
  t.equal(select("#", other:wait()), 3, "once more")
  t.equal(rawequal(placed:wait(), into), true, "the tensor")
  t.equal(into:ne(previous):sum(), 0, "elements")
end)

t.test("probe says what is there, and leaves it", function()
  t.equal(world:probe { timeout = 0 }, nil, "nothing yet")
  t.equal(world:probe { timeout = 0.01, tag = 9 }, nil, "nothing in time")
  world:barrier()
  world:send("x", next_rank, { tag = 3 })
  local source, tag = world:probe { tag = 3 }
  t.equal(source, previous, "source")
  t.equal(tag, 3, "tag")
  t.equal(select(2, world:probe { timeout = 0, tag = 3 }), 3, "it is still there")
  t.equal(world:receive { tag = 3 }, "x", "the message")
end)

t.test("a receive that takes too long is a timeout, and the world works on", function()
  local good, failure = pcall(world.receive, world, { tag = 99, timeout = 0.02 })
  t.equal(good, false, "it succeeded")
  t.equal(failure.code, "timeout", "code")
  t.equal(world:allreduce(1), size, "a sum afterwards")
end)

t.test("communicators keep their messages apart", function()
  local other <close> = world:split(0)
  world:send("world", next_rank)
  other:send("other", next_rank)
  t.equal(other:receive(), "other", "of the other")
  t.equal(world:receive(), "world", "of the world")
end)

t.test("a sender waits for a receiver that is behind by the lag", function()
  world:set_lag(100000)
  if rank == 0 then
    for i = 1, 200 do
      world:send(torch.ByteTensor(10000):fill(i % 256), next_rank, { async = true })
    end
  end
  if rank == 1 % size then
    for i = 1, 200 do
      t.equal(world:receive { from = 0 }[10000], i % 256, "message " .. i)
    end
  end
  world:barrier()
  world:set_lag(256 << 20)
end)

t.done()
