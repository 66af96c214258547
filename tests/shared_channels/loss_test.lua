-- SPDX-License-Identifier: Apache-2.0
-- Processes that end while others use the same channel: what is lost, what stays, who is told.
local faulty = require 'faulty'
local ipc = require 'ipc'
local parallel = require 'parallel'
local t = require 'tap'
local torch = require 'torch'

local function channel(capacity) return ipc.channel { shared = true, capacity = capacity } end

-- Raises unless the call raises an error of code peer_lost that has the text.
local function loses(text, call, ...)
  local good, problem = pcall(call, ...)
  if good then error('nothing was raised', 2) end
  t.equal(type(problem) == 'table' and problem.code or problem, 'peer_lost')
  assert(problem.message:find(text, 1, true), problem.message)
end

-- A child that runs `code` with the value `got`.
local function start(code, value)
  local child = parallel.run("local ipc = require 'ipc' local got = parallel.parent:receive() "
    .. code)
  child:send(value)
  return child
end

local kill_self <const> = [[
  os.execute('kill -9 ' .. io.open('/proc/self/stat'):read('n'))
]]

t.test('shared channel: items of a process that has ended can be read', function()
  local c = channel()
  start("for i = 1, 100 do got:write(i) end", c):sync()
  for i = 1, 100 do t.equal(select(2, c:read()), i) end
end)

t.test('shared channel: items of a process that was killed can be read', function()
  local c = channel()
  faulty.killed(start([[
    local torch = require 'torch'
    for i = 1, 10 do got:write(i, torch.IntTensor(100000):fill(i)) end
  ]] .. kill_self, c))
  for i = 1, 10 do
    t.equal(select(2, c:read()), i)
    t.equal(select(2, c:read())[100000], i)
  end
end)

t.test('shared channel: who reads hears that the only writer was killed', function()
  local c = channel()
  local child = start("ipc.channel{shared = true}:read{timeout = 0.3}" .. kill_self, c)
  loses('ended without letting go of it', c.read, c)
  faulty.killed(child)
  loses('ended without letting go of it', c.read, c)
  loses('ended without letting go of it', c.read, c, { timeout = 20 })
  t.equal(c:read(true), ipc.channel.OPEN)
end)

t.test('shared channel: who writes hears that the only reader was killed', function()
  local c = channel(1)
  local child = start("got:read() " .. kill_self, c)
  c:write(1, 2)
  loses('ended without letting go of it', c.write, c, 3)
  t.equal(c:num_items(), 1)
  faulty.killed(child)
end)

t.test('shared channel: who waits in select hears it, unless another channel gives hope', function()
  local c, other = channel(), channel()
  local child = start("ipc.channel{shared = true}:read{timeout = 0.3}" .. kill_self, c)
  local rest = start("parallel.parent:receive() got:write('hope')", other)
  t.equal(ipc.select { c, other, timeout = 1 }, nil)
  rest:send('go on')
  t.equal(select(3, ipc.select { c, other }), 'hope')
  rest:sync()
  faulty.killed(child)
  loses('ended', ipc.select, { c, other })
end)

t.test('shared channel: who waits hears when all that it was handed to have ended well', function()
  local c = channel()
  local children = {}
  for i = 1, 3 do
    children[i] = start("got:write(parallel.id) ipc.channel{shared = true}:read{timeout = 0.2}", c)
  end
  for _ = 1, 3 do t.equal((c:read()), ipc.channel.OPEN) end
  loses('the processes that it was handed to have ended', c.read, c)
  for _, child in ipairs(children) do child:sync() end
end)

t.test('shared channel: and when they ended before they opened it', function()
  local c = channel()
  local child = parallel.run "ipc = require 'ipc' ipc.channel{shared = true}:read{timeout = 0.3}"
  child:send(c)
  loses('the processes that it was handed to have ended', c.read, c)
  child:sync()
end)

t.test('shared channel: a child hears when its parent has let go', function()
  local c = channel()
  local child = start("parallel.parent:send('has it') return got:read()", c)
  t.equal(child:receive(), 'has it')
  c = nil  -- luacheck: ignore 311
  collectgarbage()
  t.raises('nobody else has this channel', child.sync, child)
end)

t.test('shared channel: a message on its way to a child is hope', function()
  local c = channel()
  local first = start("got:num_items()" .. kill_self, c)
  local second = parallel.run [[
    local ipc = require 'ipc'
    ipc.channel{shared = true}:read{timeout = 0.6}
    parallel.parent:receive():write('late')
  ]]
  second:send(c)
  faulty.killed(first)
  t.equal(select(2, c:read()), 'late')
  second:sync()
end)

t.test('shared channel: os.exit with the state closed lets go, without it is a loss', function()
  local c = channel()
  start("got:write(1) os.exit(0, true)", c):sync()
  c:read()
  loses('that it was handed to have ended', c.read, c)
  start("got:write(2) os.exit(0)", c):sync()
  t.equal(select(2, c:read()), 2)
  loses('ended without letting go', c.read, c)
end)

t.test('shared channel: a script that fails lets go in good order', function()
  local c = channel()
  local child = start("got:write(1) error('the reason')", c)
  t.raises('the reason', child.sync, child)
  c:read()
  loses('that it was handed to have ended', c.read, c)
end)

-- Items long enough not to lie in their slots are copied outside of the lock.
local payloads <const> = {
  small = { make = 'i', number = function(item) return item end },
  large = {
    make = 'torch.IntTensor(20000):fill(i)',
    number = function(item) return item[20000] end,
  },
}

for kind, payload in pairs(payloads) do
  for _, point in ipairs { 'queue_reserved', 'queue_copied', 'queue_locked', 'queue_committed' } do
    t.test(('shared channel: a writer of %s items killed at %s'):format(kind, point), function()
      local c = channel()
      local child = faulty.run(point, 5, faulty.code(
        'for i = 1, 10 do got:write(' .. payload.make .. ') end'))
      local other = start("for item in got[1]:items() do got[2]:write(item) end",
        { c, channel() })
      other:kill('KILL')
      pcall(other.sync, other)
      child:send(c)
      faulty.killed(child)
      c:write(torch.IntTensor(20000):fill(99))
      local numbers = {}
      while true do
        local _, item = c:read { timeout = 20 }
        local number = type(item) == 'number' and item or item[20000]
        if number == 99 then break end
        numbers[#numbers + 1] = number
      end
      assert(#numbers == 4 or #numbers == 5 and point ~= 'queue_reserved' and
        point ~= 'queue_copied', #numbers)
      if point == 'queue_committed' then t.equal(#numbers, 5) end
      for i, number in ipairs(numbers) do t.equal(number, i) end
    end)
  end
  for _, point in ipairs { 'queue_taken', 'queue_locked' } do
    t.test(('shared channel: a reader of %s items killed at %s'):format(kind, point), function()
      local c = channel()
      local child = faulty.run(point, 5, faulty.code(
        'for item in got:items() do parallel.parent:send(item) end'))
      local make = load('local torch, i = require "torch", ... return ' .. payload.make)
      for i = 1, 10 do c:write(make(i)) end
      child:send(c)
      for i = 1, 4 do t.equal(payload.number(child:receive()), i) end
      faulty.killed(child)
      c:close()
      local numbers = {}
      for item in c:items() do numbers[#numbers + 1] = payload.number(item) end
      assert(#numbers == 5 or #numbers == 6, #numbers)
      for i, number in ipairs(numbers) do t.equal(number, 10 - #numbers + i) end
    end)
  end
end

t.test('shared channel: a full one has room again for what a killed reader had taken', function()
  local c = channel(2)
  local child = faulty.run('queue_taken', 1, faulty.code('got:read()'))
  c:write(torch.IntTensor(20000), 2)
  child:send(c)
  c:write(3)
  faulty.killed(child)
  local _, first = c:read()
  t.equal(first, 2)
  t.equal(select(2, c:read()), 3)
end)

t.done()
