-- SPDX-License-Identifier: Apache-2.0
-- Proves: who gives no place gets the root's value, whatever it is; who gives one keeps it; a
-- disagreement is an error on all ranks. Run on every rank of a job.
local ipc = require "ipc"
local torch = require "torch"
local t = require "job_tap"

local world <const> = ipc.world()
local rank <const>, size <const> = world.rank, world.size

-- What the root has, and nothing elsewhere.
local function from(root, value)
  if rank ~= root then value = nil end
  return world:broadcast(value, root)
end

t.test("numbers, strings, booleans and nothing come as they are", function()
  for root = 0, size - 1 do
    for _, value in ipairs { 7, 7.0, -0.5, "a\0b", "", ("long"):rep(50000), true, false } do
      local got = from(root, value)
      t.equal(got, value, "the value")
    end
    t.equal(from(root, nil), nil, "nothing")
  end
end)

t.test("a table comes with all that is in it", function()
  for root = 0, size - 1 do
    local shared = { 1, 2 }
    local whole = torch.range(1, 6)
    local value = { name = "x", on = true, a = shared, b = shared, t = whole:view(2, 3),
      row = whole:narrow(1, 4, 3), [1] = 1.5, storage = torch.ByteStorage():string("ping") }
    value.self = value
    local got = from(root, value)
    t.equal(rawequal(got, value), rank == root, "the root has its own")
    t.equal(got.name .. got[1] .. got.storage:string(), "x1.5ping", "leaves")
    t.equal(got.on, true, "a boolean")
    t.equal(rawequal(got.a, got.b), true, "a table that is there twice")
    t.equal(rawequal(got.self, got), true, "a table in itself")
    got.row:fill(9)
    t.equal(got.t[2][1], 9.0, "tensors that share a storage")
  end
end)

t.test("tensors come in their shape and type, small and large", function()
  for root = 0, size - 1 do
    for _, count in ipairs { 0, 5, 300000 } do
      local got = from(root, torch.IntTensor(2, count):fill(root + 1))
      t.equal(got:type(), "torch.IntTensor", "type")
      t.equal(got:size(1), 2, "rows")
      t.equal(got:ne(root + 1):sum(), 0, "elements")
    end
  end
end)

t.test("a value with a string in it is no place: all get the root's", function()
  local mine = { name = "rank " .. rank, t = torch.ones(2):mul(rank) }
  local got = world:broadcast(mine, size - 1)
  t.equal(got.name, "rank " .. size - 1, "the name")
  t.equal(got.t[1], size - 1.0, "the tensor")
  t.equal(mine.name, "rank " .. rank, "what was given")
end)

t.test("booleans in a place are replaced as numbers are", function()
  local value = { on = rank == 0, n = rank }
  t.equal(rawequal(world:broadcast(value, 0), value), true, "the table itself")
  t.equal(value.on, true, "the boolean")
  t.equal(world:broadcast(rank == size - 1, size - 1), true, "a boolean by itself")
end)

t.test("a place that differs is a mismatch on all ranks, and the world works on", function()
  if size == 1 then return end
  local cases = {
    function() return torch.ones(rank == 0 and 3 or 4) end,
    function() return rank == 0 and "text" or torch.ones(3) end,
    function() return rank == 0 and { a = 1 } or { b = 1 } end,
    function() return rank == 0 and 1 or true end,
  }
  if size > 2 then  -- some give a place, some give none
    cases[#cases + 1] = function() return rank < 2 and torch.ones(3) or nil end
  end
  for i, make in ipairs(cases) do
    local good, failure = pcall(world.broadcast, world, make(), 0)
    t.equal(good, false, "case " .. i)
    t.equal(failure.code, "mismatch", "code of case " .. i)
    t.equal(world:allreduce(1), size, "a sum afterwards")
  end
end)

t.test("what cannot be sent is told at the root before anybody waits", function()
  if rank == 0 then
    t.raises("field 'co' of the table is a thread", world.broadcast, world,
      { co = coroutine.create(print) })
  end
  t.equal(from(0, "after"), "after", "the next broadcast")
end)

t.done()
