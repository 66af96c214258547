-- SPDX-License-Identifier: Apache-2.0
-- What values are on the other side of a channel between processes. An echo of a child sends back
-- what it has read, with what it found.
local ipc = require 'ipc'
local parallel = require 'parallel'
local t = require 'tap'
local torch = require 'torch'

local there, back = ipc.channel { shared = true }, ipc.channel { shared = true }
local echo = parallel.run(function()
  local channels = parallel.parent:receive()
  for task in channels[1]:items() do channels[2]:writeup((task[1](task[2]))) end
end)
echo:send { there, back }

-- What `body` makes of the value in the other process.
local function tell(body, value)
  there:writeup { body, value }
  return select(2, back:read())
end
local function same(value) return tell(function(got) return got end, value) end

t.test('shared channel: plain values come as they were', function()
  for _, value in ipairs { true, false, 7, 7.5, -0.0, math.mininteger, '', 'short', 'with\0nul',
                           ('x'):rep(255), ('x'):rep(256), ('x'):rep(257), ('x'):rep(1000000) } do
    t.equal(same(value), value)
  end
end)

t.test('shared channel: tables keep cycles and what they share', function()
  local part = { 'part' }
  local whole = { part, part, inside = { part } }
  whole.whole = whole
  local got = same(whole)
  t.equal(got[1], got[2])
  t.equal(got.inside[1], got[1])
  t.equal(got.whole, got)
  t.equal(got[1][1], 'part')
end)

t.test('shared channel: functions go with upvalues by writeup alone', function()
  local factor <const> = 3
  local scale = load('local factor = ... return function(x) return factor * x end')(factor)
  t.raises('upvalue', there.write, there, scale)
  t.equal(tell(function(f) return f(14) end, scale), 42)
  t.equal(same(scale)(5), 15)
end)

t.test('shared channel: objects keep their class', function()
  local value = tell(function(name)
    local torch = require 'torch'
    local class = torch.class(name)
    function class:__init(x) self.x = x end
    return torch.type(class) and { torch.factory(name)() } and torch.typename(torch.factory(name)())
  end, 'SharedChannelThing')
  t.equal(value, 'SharedChannelThing')
  local class = torch.class('SharedChannelThing')
  function class:__init(x) self.x = x end
  local thing = SharedChannelThing(5)  -- luacheck: ignore
  t.equal(tell(function(got) return require('torch').typename(got) end, thing),
    'SharedChannelThing')
  t.equal(same(thing).x, 5)
end)

t.test('shared channel: tensors of all types', function()
  for _, name in ipairs { 'Byte', 'Char', 'Short', 'Int', 'Long', 'Float', 'Double' } do
    for _, count in ipairs { 1, 7, 5000 } do
      local tensor = torch[name .. 'Tensor'](count)
      for i = 1, count do tensor[i] = i % 100 end
      local got = same(tensor)
      t.equal(torch.type(got), 'torch.' .. name .. 'Tensor')
      t.equal(got:size(1), count)
      t.equal(got:ne(tensor):sum(), 0)
    end
  end
end)

t.test('shared channel: an empty tensor, and one of four dimensions', function()
  t.equal(same(torch.FloatTensor()):dim(), 0)
  local cube = torch.range(1, 120):resize(2, 3, 4, 5)
  local got = same(cube)
  t.equal(got:dim(), 4)
  t.equal(got:ne(cube):sum(), 0)
end)

t.test('shared channel: strided tensors come with their elements', function()
  local whole = torch.range(1, 10000):resize(100, 100)
  for _, part in ipairs { whole:t(), whole:narrow(2, 3, 7), whole:select(2, 5),
                          whole:sub(2, 99, 50, 60) } do
    local got = same(part)
    t.equal(got:isSameSizeAs(part), true)
    t.equal(got:ne(part):sum(), 0)
  end
end)

t.test('shared channel: tensors of one storage share it there, too', function()
  local whole = torch.zeros(1000)
  t.equal(tell(function(got)
    got[2]:fill(7)
    return got[1]:sum()
  end, { whole, whole:narrow(1, 1, 10) }), 70.0)
end)

-- How many bytes of the process are mapped from a memory file of queues and in use.
local function resident_bytes(what)
  local bytes, is_queue = 0, false
  for line in io.lines('/proc/self/smaps') do
    if line:find('^%x+%-%x+ ') then is_queue = line:find('ipcrun%-queue') ~= nil end
    local kib = line:match('^' .. what .. ':%s+(%d+) kB')
    if kib and is_queue then bytes = bytes + kib * 1024 end
  end
  return bytes
end

t.test('shared channel: a tensor of 64 MiB is copied once, and read where it lies', function()
  local c = ipc.channel { shared = true }
  local count <const> = 16 << 20
  local child = parallel.run(function()
    local torch = require 'torch'
    local got = parallel.parent:receive()
    local tensor = torch.FloatTensor(got.count):fill(3)
    tensor[got.count] = 5
    got.channel:write(tensor)
    parallel.parent:receive()
  end)
  child:send { channel = c, count = count }
  local _, tensor = c:read()
  t.equal(tensor:size(1), count)
  t.equal(tensor[1], 3.0)
  t.equal(tensor[count], 5.0)
  t.near(tensor:sum(), 3 * (count - 1) + 5, 1e-6)
  local bytes = resident_bytes('Rss')
  assert(bytes >= count * 4, bytes .. ' bytes of queues are in use here')
  child:send('end')
  child:sync()
  t.equal(tensor[count], 5.0)  -- still
end)

t.test('shared channel: the room of a tensor is used again once it is collected', function()
  local c = ipc.channel { shared = true }
  local tensor = torch.ByteTensor(16 << 20):fill(1)
  for _ = 1, 20 do
    c:write(tensor)
    t.equal(select(2, c:read())[1], 1)
    collectgarbage()
  end
  local bytes = resident_bytes('Rss')
  assert(bytes < 320 << 20, bytes .. ' bytes of queues are in use here')
end)

t.test('shared channel: writes to a tensor that came reach nobody', function()
  local c = ipc.channel { shared = true }
  local tensor = torch.FloatTensor(100000):fill(1)
  c:write(tensor, tensor)
  tensor:fill(2)
  local _, first = c:read()
  first:fill(3)
  local _, second = c:read()
  t.equal(first:sum(), 300000.0)
  t.equal(second:sum(), 100000.0)
  t.equal(tensor:sum(), 200000.0)
end)

t.test('shared channel: a tensor that came can be sent on', function()
  local c = ipc.channel { shared = true }
  c:write(torch.range(1, 50000))
  local _, came = c:read()
  t.equal(tell(function(got) return got:sum() end, came), 50000 * 50001 / 2)
  t.equal(same(came):sum(), 50000 * 50001 / 2)
end)

t.test('shared channel: what cannot go is refused, and nothing of the call is written', function()
  local c = ipc.channel { shared = true }
  t.raises('a thread', c.write, c, 1, coroutine.create(print))
  t.equal(c:num_items(), 0)
end)

there:close()
echo:sync()
t.done()
