-- SPDX-License-Identifier: Apache-2.0
-- Proves that allreduce and broadcast give the values they promise, for every kind of Lua value,
-- tensor and operation. Run on every rank of a job.
local ipc = require "ipc"
local torch = require "torch"
local t = require "job_tap"

local world <const> = ipc.world()
local rank <const>, size <const> = world.rank, world.size
local sum_of_ranks <const> = size * (size + 1) // 2  -- of rank + 1
local dtypes <const> = { "Byte", "Char", "Short", "Int", "Long", "Half", "Float", "Double" }
local large <const> = 40000  -- elements: many chunks, and not a multiple of them

local function factorial(n) return n < 2 and 1 or n * factorial(n - 1) end

-- All elements of `tensor` are `value`.
local function all_equal(tensor, value, what)
  t.equal(tensor:ne(value):sum(), 0, what .. ": elements that differ")
end

t.test("each operation on each dtype, small and large", function()
  for _, name in ipairs(dtypes) do
    for _, count in ipairs { 1, 5, 1000, large } do
      local is_float = name == "Half" or name == "Float" or name == "Double"
      local expected = {
        { "sum", sum_of_ranks }, { "min", 1 }, { "max", size },
        { "prod", factorial(math.min(size, 5)) },
        { "avg", is_float and (size + 1) / 2 or (size + 1) // 2 },
      }
      for _, case in ipairs(expected) do
        local op, value = table.unpack(case)
        local mine = op == "prod" and rank >= 5 and 1 or rank + 1
        local tensor = torch[name .. "Tensor"](count):fill(mine)
        t.equal(rawequal(world:allreduce(tensor, op), tensor), true,
          "the tensor itself is returned")
        all_equal(tensor, value, ("%s of %d %s"):format(op, count, name))
      end
    end
  end
end)

t.test("sum is what is done when nothing is said", function()
  all_equal(world:allreduce(torch.Tensor(3):fill(2)), 2 * size, "sum")
  t.equal(world:allreduce(1), size, "sum of numbers")
  t.equal(world:allreduce(1, nil, { timeout = 60 }), size, "options in the fourth place")
  t.equal(world:allreduce(1, { timeout = 60 }), size, "options in place of the operation")
end)

t.test("elements keep their places", function()
  local tensor = torch.range(1, large):float()
  world:allreduce(tensor, "max")
  t.equal(tensor:ne(torch.range(1, large):float()):sum(), 0, "elements out of place")
end)

t.test("integers wrap", function()
  local tensor = torch.LongTensor { math.maxinteger, 1 }
  world:allreduce(tensor)
  t.equal(tensor[1], math.maxinteger * size, "the largest integer, summed")
  t.equal(world:allreduce(math.maxinteger), math.maxinteger * size, "as a number")
end)

t.test("NaN wins over any minimum and maximum", function()
  for _, op in ipairs { "min", "max", "sum" } do
    local mine = rank == size - 1 and 0 / 0 or 1.5
    local got = world:allreduce(mine, op)
    t.equal(got ~= got, true, op .. " with a NaN is NaN")
  end
end)

t.test("a number is an integer only when it is one on every rank", function()
  t.equal(world:allreduce(rank + 1), sum_of_ranks, "sum of integers")
  t.equal(world:allreduce(rank + 1.0), sum_of_ranks + 0.0, "sum of floats")
  t.equal(world:allreduce(rank == 0 and 1.0 or rank + 1), sum_of_ranks + 0.0, "sum of a mixture")
  t.equal(world:allreduce(rank + 1, "max"), size, "max of integers")
  t.equal(world:allreduce(rank == 0 and 1.0 or rank + 1, "max"), size + 0.0, "max of a mixture")
  t.equal(world:allreduce(rank + 1, "min"), 1, "min of integers")
  t.equal(world:allreduce(rank == 0 and 1.5 or 2, "min"), 1.5, "min of a mixture")
  t.equal(world:allreduce(2, "prod"), 1 << size, "prod of integers")
  t.equal(world:allreduce(rank == 0 and 2.0 or 2, "prod"), 2.0 ^ size, "prod of a mixture")
  t.equal(world:allreduce(rank + 1, "avg"), (size + 1) / 2, "avg of integers is a float")
  t.equal(world:allreduce(1 << 53 | (rank == 0 and 1 or 0), "max"), 1 << 53 | 1, "no rounding")
end)

t.test("tables are worked on in place, to any depth", function()
  local inner = torch.Tensor(2, 3):fill(rank + 1)
  local value = {
    loss = 0.5 * (rank + 1), count = 1, layers = { { inner, 7 }, { bias = torch.ones(1) } },
    [10] = 1, [2.5] = 2, empty = {},
  }
  t.equal(rawequal(world:allreduce(value), value), true, "the table itself is returned")
  t.equal(value.loss, 0.5 * sum_of_ranks, "loss")
  t.equal(value.count, size, "count")
  t.equal(value.layers[1][2], 7 * size, "a number two levels down")
  t.equal(value[10], size, "an integer key")
  t.equal(value[2.5], 2 * size, "a float key")
  all_equal(inner, sum_of_ranks, "a tensor two levels down")
  all_equal(value.layers[2].bias, size, "another")
  t.equal(next(world:allreduce({})), nil, "an empty table")
end)

t.test("a table that differs in nothing but the order of its keys is the same table", function()
  local value = {}
  for i = 1, 50 do
    local key = (i * 7 + rank * 11) % 50 + 1
    value["key" .. key] = key * (rank + 1)
  end
  world:allreduce(value)
  for key = 1, 50 do t.equal(value["key" .. key], key * sum_of_ranks, "key" .. key) end
end)

t.test("a thousand small tensors in one table", function()
  local value = {}
  for i = 1, 1000 do value[i] = torch.FloatTensor(i % 7 + 1):fill(i * (rank + 1)) end
  world:allreduce(value)
  for i = 1, 1000 do all_equal(value[i], i * sum_of_ranks, "tensor " .. i) end
  world:broadcast(value, size - 1)
end)

t.test("a tensor that is in a table twice is reduced once for each place", function()
  local tensor = torch.ones(3)
  world:allreduce({ a = tensor, b = torch.ones(2) })
  all_equal(tensor, size, "the tensor")
end)

t.test("transposed and narrowed tensors are reduced in place, and nothing beside them", function()
  for _, n in ipairs { 4, 300 } do
    local whole = torch.FloatTensor(n, n):fill(rank + 1)
    local middle = whole:narrow(2, 2, n - 2)
    world:allreduce(middle)
    all_equal(middle, sum_of_ranks, "the narrowed part")
    all_equal(whole:narrow(2, 1, 1), rank + 1, "the column before it")
    all_equal(whole:narrow(2, n, 1), rank + 1, "the column after it")

    local square = torch.range(1, n * n):view(n, n):double()
    local expected = square:clone():mul(size)
    world:allreduce(square:t())
    t.equal(square:ne(expected):sum(), 0, "elements of the transposed that differ")
  end
end)

t.test("only the strides of this rank are its own: others may lie differently", function()
  local tensor = torch.range(1, 6):view(2, 3)
  if rank % 2 == 1 then tensor = tensor:t():contiguous():t() end
  world:allreduce(tensor)
  t.equal(tensor:ne(torch.range(1, 6):view(2, 3):mul(size)):sum(), 0, "elements that differ")
end)

t.test("tensors without elements take part", function()
  local empty = torch.FloatTensor()
  world:allreduce(empty)
  world:broadcast(empty)
  t.equal(empty:nElement(), 0, "elements")
  local value = world:allreduce { torch.FloatTensor(), 1, torch.FloatTensor(2):fill(1) }
  t.equal(value[2], size, "a number beside it")
  all_equal(value[3], size, "a tensor beside it")
end)

t.test("broadcast gives everyone the root's values, from each root", function()
  for root = 0, size - 1 do
    for _, count in ipairs { 3, large } do
      local tensor = torch.IntTensor(count):fill(rank)
      t.equal(rawequal(world:broadcast(tensor, root), tensor), true, "the tensor is returned")
      all_equal(tensor, root, "broadcast from " .. root)
    end
    t.equal(world:broadcast(rank, root), root, "an integer")
    t.equal(world:broadcast(rank + 0.5, root), root + 0.5, "a float")
    t.equal(world:broadcast(rank == root and 1 or 1.5, root), 1, "an integer over floats")
    local value = { n = rank, inner = { torch.Tensor(2):fill(rank), x = -rank } }
    world:broadcast(value, root)
    t.equal(value.n, root, "a number in a table")
    t.equal(value.inner.x, -root, "a nested number")
    all_equal(value.inner[1], root, "a nested tensor")
  end
  all_equal(world:broadcast(torch.ones(2):mul(rank)), 0, "the root is rank 0 when none is named")
end)

t.test("a large tensor", function()
  local mebi = 1 << 20
  local tensor = torch.FloatTensor(16 * mebi):fill(rank + 1)  -- 64 MiB
  world:allreduce(tensor)
  t.equal(tensor:min(), sum_of_ranks + 0.0, "the smallest element")
  t.equal(tensor:max(), sum_of_ranks + 0.0, "the largest element")
end)

t.test("inside a coroutine", function()
  local total = coroutine.wrap(function()
    coroutine.yield()
    return world:allreduce(1)
  end)
  total()
  t.equal(total(), size, "sum")
end)

t.done()
