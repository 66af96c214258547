-- SPDX-License-Identifier: Apache-2.0
-- Channels that ranks find by a name, or send to each other.
local ipc = require 'ipc'
local t = require 'job_tap'
local torch = require 'torch'

local world = ipc.world()
local rank, size = world.rank, world.size
-- With the argument `hosts` it is for ranks on several: there a channel needs a name, and children
-- of ranks do not reach it.
local is_one_host <const> = arg[1] ~= 'hosts'

local function test_on_one_host(name, body)
  if is_one_host then t.test(name, body) end
end

local function named(name, capacity)
  return ipc.channel { shared = true, name = name, capacity = capacity }
end

t.test('named channel: all ranks that name it have the same one', function()
  local c <const> = named('same')
  c:write(rank)
  world:barrier()
  t.equal(c:num_items(), size)
  world:barrier()
  if rank == 0 then
    local sum = 0
    for _ = 1, size do sum = sum + select(2, c:read()) end
    t.equal(sum, size * (size - 1) // 2)
    c:close()
  end
  world:barrier()
  t.equal(c:read(), ipc.channel.DRAINED)
end)

t.test('named channel: in one process it is one object', function()
  local c = named('object')
  t.equal(named('object'), c)
  assert(named('another') ~= c)
end)

t.test('named channel: another capacity is refused', function()
  local c = named('three', 3)
  t.equal(c:capacity(), 3)
  t.raises('its capacity is 3, not 0', named, 'three')
  c = nil  -- luacheck: ignore 311
  collectgarbage()
  t.raises('opened with a capacity of 3 first', named, 'three')
end)

t.test('named channel: what is written stays while nobody has it', function()
  if rank == 0 then named('stays'):write('item') end
  collectgarbage()
  world:barrier()
  if rank == size - 1 then t.equal(select(2, named('stays'):read()), 'item') end
  world:barrier()
end)

t.test('named channel: each item comes to one rank', function()
  local c <const> = named('work', size > 1 and 4 or nil)
  local count <const> = 500
  if rank == 0 then
    for i = 1, count do c:write { number = i, data = torch.IntTensor(i):fill(i) } end
    c:close()
  end
  local sum = 0
  if rank > 0 or size == 1 then
    for item in c:items() do
      t.equal(item.data:sum(), item.number * item.number)
      sum = sum + item.number
    end
  end
  if size > 1 then t.equal(world:allreduce(sum), count * (count + 1) // 2) end
end)

test_on_one_host('shared channel: ranks send it to each other', function()
  local c
  if rank == 0 then
    c = ipc.channel { shared = true }
    for to = 1, size - 1 do world:send({ channel = c }, to) end
  else
    c = world:receive { from = 0 }.channel
    c:write(rank)
  end
  local sum = 0
  if rank == 0 then
    for _ = 1, size - 1 do sum = sum + select(2, c:read()) end
    t.equal(sum, size * (size - 1) // 2)
  end
  world:barrier()
end)

t.test('named channel: one that comes in a message is the one of that name', function()
  local c = named('sent')
  local before = rank == 0 and c or nil
  if rank == 0 then
    for to = 1, size - 1 do world:send(c, to) end
  else
    c = nil  -- luacheck: ignore 311
    collectgarbage()
    before = world:receive { from = 0 }
  end
  t.equal(named('sent'), before)
  world:barrier()
end)

t.test('named channel: the agent has one descriptor for each name', function()
  if rank > 0 then return end
  local function count()
    local pipe = io.popen([[
      agent=$(ps -o ppid= -p $PPID)
      ls -l /proc/$((agent))/fd | grep -c ipcrun-queue]])
    local lines = pipe:read('n')
    pipe:close()
    return lines
  end
  local before = count()
  assert(before > 0)
  for _ = 1, 300 do
    named('again'):write(1)
    collectgarbage()
  end
  t.equal(count(), before + 1)
end)

t.test('named channel: threads of ranks share it', function()
  local c <const> = named('threads')
  ipc.map(2, function(name)
    local ipc = require 'ipc'
    ipc.channel { shared = true, name = name }:write(1)
  end, 'threads'):join()
  world:barrier()
  t.equal(c:num_items(), 2 * size)
  world:barrier()
end)

test_on_one_host('named channel: children of ranks get it in messages', function()
  local parallel = require 'parallel'
  local c <const> = named('children')
  local child = parallel.run "parallel.parent:receive():write(1)"
  child:send(c)
  child:sync()
  world:barrier()
  t.equal(c:num_items(), size)
  world:barrier()
end)

t.done()
