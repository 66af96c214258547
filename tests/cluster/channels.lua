-- SPDX-License-Identifier: Apache-2.0
-- What ranks on several hosts do with channels that have a name; the first argument says which.
local ipc = require 'ipc'
local torch = require 'torch'

local world = ipc.world()
local rank, size = world.rank, world.size

local function named(name, capacity)
  return ipc.channel { shared = true, name = name, capacity = capacity }
end

local function tell(...) print('rank ' .. rank .. ':', ...) end

local parts <const> = {}

-- Rank 1 hands out work, rank 2 gathers the answers, all others work.
function parts.work()
  local count <const> = 300
  local work <const>, answers <const> = named('work', 8), named 'answers'
  if rank == 1 then
    for i = 1, count do work:write { number = i, data = torch.IntTensor(i):fill(i) } end
    work:close()
  elseif rank == 2 then
    local seen, sum = {}, 0
    for _ = 1, count do
      local _, answer = answers:read()
      assert(not seen[answer.number], 'an item came twice')
      seen[answer.number], sum = true, sum + answer.sum
    end
    tell(sum, answers:num_items())
  else
    for item in work:items() do
      answers:write { number = item.number, sum = item.data:sum() }
    end
  end
end

-- A tensor of 64 MB goes from the last host to another, through the first.
function parts.large()
  local c <const> = named('large', 1)
  if rank == size - 1 then
    local data = torch.DoubleTensor(8000000)
    for i = 1, data:size(1), 1000 do data[i] = i end
    c:write(data)
  elseif rank == 1 then
    local _, data = c:read()
    local good = data:size(1) == 8000000
    for i = 1, 8000000, 1000 do good = good and data[i] == i end
    tell(good)
  end
end

-- Times pass, and what comes later goes to who reads then.
function parts.times()
  local c <const> = named('times', 1)
  if rank == 1 then
    tell(c:read { timeout = 0.1 } == ipc.channel.OPEN, c:num_items())
    local other <const> = named 'other'
    local index = ipc.select { c, other, timeout = 0.1 }
    tell(index == nil)
  end
  world:barrier()
  if rank == 2 then
    tell(c:write('one'), select(2, c:write_for(0.1, 'two')))
    tell(select(2, c:try_write 'three'))
  end
  world:barrier()
  if rank == 1 then tell(select(2, c:read())) end
  world:barrier()
  tell(c:num_items())
end

-- A select of a channel that others write to, and of one of this rank's own.
function parts.select()
  local far <const>, near <const> = named 'far', ipc.channel()
  if rank == 1 then
    near:write 'near'
    local got = {}
    for _ = 1, 3 do
      local _, _, item = ipc.select { far, near }
      got[#got + 1] = item
    end
    table.sort(got)
    tell(table.concat(got, ' '))
  elseif rank == 2 then
    far:write('far 1', 'far 2')
  end
  world:barrier()
end

-- A channel that goes to another host in a message is the one of its name there, and works.
function parts.sent()
  if rank == 1 then
    local c <const> = named 'sent'
    world:send({ c = c }, size - 1)
    tell(select(2, c:read()))
  elseif rank == size - 1 then
    local c <const> = world:receive { from = 1 }.c
    assert(c == named 'sent')
    c:write 'from the last rank'
  end
  world:barrier()
end

-- Rank 0 has ended long before the others use what it left.
function parts.early()
  if rank == 0 then return named('early'):write 'left behind' end
  if rank == 1 then
    local ended <const> = named 'ended'
    -- Rank 0 has left the world: this fails.
    assert(not pcall(world.barrier, world))
    tell(select(2, named('early'):read()))
    ended:write(true)
  end
end

-- The serving rank is killed, while others wait.
function parts.kill()
  local c <const> = named 'never'
  world:barrier()
  if rank == 0 then os.execute('kill -9 ' .. io.open('/proc/self/stat'):read 'n') end
  local _, e = pcall(c.read, c)
  tell(type(e) == 'table' and e.code, e)
end

-- The serving rank ends with an error: it does not stay.
function parts.error()
  local c <const> = named 'never'
  world:barrier()
  if rank == 0 then error 'a mistake of this rank' end
  local _, e = pcall(c.read, c)
  tell(type(e) == 'table' and e.code, e)
end

-- A rank that waits is killed; others go on.
function parts.taker()
  local c <const> = named 'taken'
  if rank == 1 then
    ipc.map(1, function()
      require('ipc').channel { shared = true, name = 'taken' }:read()
    end)
    c:read { timeout = 0.2 }  -- the thread waits meanwhile
    named('ready'):write(true)
    os.execute('kill -9 ' .. io.open('/proc/self/stat'):read 'n')
  end
  if rank == 0 then
    named('ready'):read()
    pcall(world.barrier, world)  -- ends with the loss of rank 1
    for i = 1, 20 do c:write(i) end
    c:close()
  elseif rank == 2 then
    pcall(world.barrier, world)
    local count = 0
    for _ in c:items() do count = count + 1 end
    tell(count)
  end
end

parts[assert(arg[1], 'which part?')]()
