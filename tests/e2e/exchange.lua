-- SPDX-License-Identifier: Apache-2.0
-- Proves what allgather, gather, scatter, alltoall, reduce and reduce_scatter do with every kind of
-- value, and with tensors of a known shape. Run on every rank of a job.
local ipc = require "ipc"
local torch = require "torch"
local t = require "job_tap"

local world <const> = ipc.world()
local rank <const>, size <const> = world.rank, world.size
local large <const> = 60000

-- A value of each kind, of rank `r` for rank `k`; and whether another is it.
local function tensor(r, k) return torch.FloatTensor(r + 1, k + 2):fill(r * 100 + k) end
local kinds <const> = {
  { "integers", function(r, k) return r * 1000 + k end },
  { "floats", function(r, k) return r + k / 128 end },
  { "strings", function(r, k) return ("%d\0%d"):format(r, k):rep(1 + r * 300) end },
  { "booleans", function(r, k) return (r + k) % 2 == 0 end },
  { "nothing", function() return nil end },
  { "tables", function(r, k) return { r, { k, s = "x" .. r }, [2.5] = true } end,
    function(a, b)
      return a[1] == b[1] and a[2][1] == b[2][1] and a[2].s == b[2].s and a[2.5] == true
    end },
  { "tensors of different shapes", tensor,
    function(a, b) return a:isSameSizeAs(b) and a:ne(b):sum() == 0 end },
  { "large tensors", function(r, k) return torch.LongTensor(large + r):fill(r * 100 + k) end,
    function(a, b) return a:isSameSizeAs(b) and a:ne(b):sum() == 0 end },
  { "transposed tensors", function(r, k) return torch.range(1, 6):add(r + k):view(2, 3):t() end,
    function(a, b) return a:isSameSizeAs(b) and a:ne(b):sum() == 0 end },
  { "storages", function(r, k) return torch.ByteStorage():string(("s%d"):format(r * 10 + k)) end,
    function(a, b) return a:string() == b:string() end },
}

local function check(kind, got, r, k)
  local expected = kind[2](r, k)
  local same = kind[3] and kind[3](got, expected) or got == expected
  if not same or math.type(got) ~= math.type(expected) then
    error(("of rank %d for %d: got %s"):format(r, k, tostring(got)), 2)
  end
end

local function list_of(kind)
  local list = { n = size }
  for k = 0, size - 1 do list[k + 1] = kind[2](rank, k) end
  return list
end

for _, kind in ipairs(kinds) do
  local name, make = kind[1], kind[2]
  t.test("allgather of " .. name .. " gives all of them to all", function()
    local list = world:allgather(make(rank, 0))
    for r = 0, size - 1 do check(kind, list[r + 1], r, 0) end
  end)

  t.test("gather of " .. name .. " gives all of them to the root alone", function()
    for root = 0, size - 1 do
      local list = world:gather(make(rank, 1), root)
      if rank == root then
        for r = 0, size - 1 do check(kind, list[r + 1], r, 1) end
      else
        t.equal(list, nil, "at another rank")
      end
    end
  end)

  t.test("scatter of " .. name .. " gives each its own", function()
    for root = 0, size - 1 do
      local list = rank == root and list_of(kind) or nil
      check(kind, world:scatter(list, root), root, rank)
    end
  end)

  t.test("alltoall of " .. name .. " turns rows into columns", function()
    local list = world:alltoall(list_of(kind))
    for r = 0, size - 1 do check(kind, list[r + 1], r, rank) end
  end)
end

t.test("what is gathered is a copy, and tensors that came together are apart", function()
  local mine = torch.ones(3)
  local list = world:allgather(mine)
  list[rank + 1]:fill(7)
  t.equal(mine:sum(), 3.0, "the tensor that was given")
  for r = 0, size - 1 do
    if r ~= rank then t.equal(list[r + 1]:sum(), 3.0, "the tensor of another rank") end
  end
end)

t.test("allgather into a tensor puts all side by side, also from storages and strides", function()
  for _, rows in ipairs { 1, 3, large } do
    local into = torch.IntTensor(size * rows, 2)
    local result = world:allgather(torch.IntTensor(rows, 2):fill(rank), { into = into })
    t.equal(rawequal(result, into), true, "the place is returned")
    for r = 0, size - 1 do
      t.equal(into:narrow(1, r * rows + 1, rows):ne(r):sum(), 0, "rows of rank " .. r)
    end
  end
  local columns = torch.range(1, 6):view(2, 3):add(rank * 10)
  local into = torch.DoubleTensor(size, 3, 2)
  world:allgather(columns:t(), { into = into })
  for r = 0, size - 1 do t.equal(into[r + 1][3][2], 6.0 + r * 10, "an element of rank " .. r) end
end)

t.test("allgather into a tensor takes as many rows as each rank has", function()
  local rows = size * (size + 1) // 2
  local into = torch.FloatTensor(rows, 2)
  world:allgather(torch.FloatTensor(rank + 1, 2):fill(rank), { into = into, varying = true })
  local at = 1
  for r = 0, size - 1 do
    t.equal(into:narrow(1, at, r + 1):ne(r):sum(), 0, "rows of rank " .. r)
    at = at + r + 1
  end
end)

t.test("gather and scatter into tensors", function()
  for root = 0, size - 1 do
    local into = rank == root and torch.FloatTensor(size, 4) or true
    local result = world:gather(torch.FloatTensor(4):fill(rank), root, { into = into })
    if rank == root then
      for r = 0, size - 1 do t.equal(result[r + 1][4], r + 0.0, "a row") end
    else
      t.equal(result, nil, "at another rank")
    end
    local all = rank == root and torch.range(1, size * 2):float():view(size, 2) or nil
    local own = world:scatter(all, root, { into = torch.FloatTensor(2) })
    t.equal(own[2], 2.0 * rank + 2, "the own row")
  end
end)

t.test("scatter cuts a tensor along its first dimension, for ranks that do not know it", function()
  for root = 0, size - 1 do
    local all = rank == root and torch.range(1, size * 6):view(size * 2, 3) or nil
    local own = world:scatter(all, root)
    t.equal(own:size(1), 2, "rows")
    t.equal(own[2][3], 6.0 * rank + 6, "the last element")
  end
end)

t.test("alltoall of a tensor exchanges its blocks", function()
  local given = torch.LongTensor(size * 2, 3)
  for k = 0, size - 1 do given:narrow(1, 2 * k + 1, 2):fill(rank * 100 + k) end
  local got = world:alltoall(given)
  local into = torch.LongTensor(size * 2, 3)
  t.equal(rawequal(world:alltoall(given, { into = into }), into), true, "the place is returned")
  for _, one in ipairs { got, into } do
    for r = 0, size - 1 do
      t.equal(one:narrow(1, 2 * r + 1, 2):ne(r * 100 + rank):sum(), 0, "block of rank " .. r)
    end
  end
end)

t.test("reduce_scatter gives each rank its block of the sum", function()
  for _, rows in ipairs { 1, 2, large } do
    local given = torch.range(1, size * rows):double()
    local got = world:reduce_scatter(given)
    t.equal(got:size(1), rows, "rows")
    t.equal(got[1], (rank * rows + 1.0) * size, "the first")
    t.equal(got[rows], (rank + 1.0) * rows * size, "the last")
    local into = torch.DoubleTensor(rows)
    world:reduce_scatter(given:fill(rank), "max", { into = into })
    t.equal(into:ne(size - 1):sum(), 0, "the maximum")
  end
  local into = torch.FloatTensor(rank + 1)
  local whole = torch.FloatTensor(size * (size + 1) // 2):fill(1)
  world:reduce_scatter(whole, "sum", { into = into, varying = true })
  t.equal(into:ne(size):sum(), 0, "blocks of different sizes")
end)

t.test("reduce changes the value of the root alone", function()
  for root = 0, size - 1 do
    local value = { x = rank, y = { torch.ones(3), torch.LongStorage { rank } } }
    local result = world:reduce(value, root)
    local sum = size * (size - 1) // 2
    t.equal(value.x, rank == root and sum or rank, "a number")
    t.equal(value.y[1][3], rank == root and size + 0.0 or 1.0, "a tensor")
    t.equal(value.y[2][1], rank == root and sum or rank, "a storage")
    t.equal(rawequal(result, rank == root and value or nil), true, "the result")
    t.equal(world:reduce(rank, root, "max"), rank == root and size - 1 or nil, "a number alone")
  end
end)

t.test("logical and bitwise operators work on numbers, booleans and tensors", function()
  t.equal(world:allreduce(rank == 0, "lor"), true, "lor")
  t.equal(world:allreduce(rank == 0, "land"), size == 1, "land")
  t.equal(world:allreduce(true, "lxor"), size % 2 == 1, "lxor")
  t.equal(world:allreduce(2.5, "land"), 1, "land of numbers")
  t.equal(world:allreduce(1 << rank, "bor"), (1 << size) - 1, "bor")
  t.equal(world:allreduce(6 | rank % 2, "band"), size == 1 and 6 or 6, "band")
  t.equal(world:allreduce({ a = 5 }, "bxor").a, size % 2 == 1 and 5 or 0, "bxor in a table")
  local bytes = torch.ByteTensor(3):fill(1 << rank % 8)
  t.equal(world:allreduce(bytes, "bor")[2], (1 << math.min(size, 8)) - 1, "bor of bytes")
end)

t.test("storages are worked on as tensors are", function()
  local storage = torch.FloatStorage { rank, 1 }
  t.equal(rawequal(world:allreduce(storage), storage), true, "the storage is returned")
  t.equal(storage[2], size + 0.0, "the sum")
  world:broadcast(storage:fill(rank), size - 1)
  t.equal(storage[1], size - 1.0, "of the root")
end)

t.done()
