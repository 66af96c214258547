-- SPDX-License-Identifier: Apache-2.0
-- What parents and children can tell each other.
local parallel = require 'parallel'
local torch = require 'torch'
local t = require 'tap'

-- A child that sends back all that it gets.
local function echo()
  return parallel.run [[
    local parallel = require 'parallel'
    while true do
      local value = parallel.parent:receive()
      if value == 'end' then break end
      parallel.parent:send(value)
    end
  ]]
end

local child <close> = echo()
local function there_and_back(value)
  child:send(value)
  return child:receive()
end

t.test('values: nil, booleans, numbers and strings arrive as they are', function()
  for _, value in ipairs { true, false, 1, 1.0, -0.0, math.mininteger, math.huge, '', 'a\0b\xff',
                           ('x'):rep(100000) } do
    t.equal(there_and_back(value), value)
  end
  local value, was_there = there_and_back(nil)
  t.equal(value, nil)
  t.equal(was_there, true)
end)

t.test('values: tables keep cycles and shared references', function()
  local shared = { 1, 2 }
  local value = { a = shared, b = shared, [1.5] = 'x', [true] = false }
  value.self = value
  local got = there_and_back(value)
  assert(got.self == got and got.a == got.b and got.a ~= shared)
  t.equal(got.a[2], 2)
  t.equal(got[1.5], 'x')
  t.equal(got[true], false)
end)

t.test('values: tensors and storages of every type arrive as they are', function()
  for _, name in ipairs { 'Byte', 'Char', 'Short', 'Int', 'Long', 'Float', 'Double' } do
    local tensor = torch[name .. 'Tensor'](3, 4):fill(7)
    local got = there_and_back { tensor:t(), tensor:storage() }
    t.equal(torch.typename(got[1]), 'torch.' .. name .. 'Tensor')
    t.equal(got[1]:size(1), 4)
    t.equal(got[1]:sum(), tensor:sum())
    t.equal(#got[2], 12)
  end
end)

t.test('values: what is received is a copy that the receiver owns', function()
  local tensor = torch.ones(1000)
  child:send(tensor)
  tensor:fill(5)
  t.equal(child:receive():sum(), 1000.0)
end)

t.test('values: what cannot be sent is an error that names its place, and nothing is sent',
  function()
    t.raises('values_test.lua', function()
      child:send { a = { coroutine.create(print) } }
    end)
    t.raises("field 'a[1]' of the table is a thread", child.send, child,
      { a = { coroutine.create(print) } })
    t.raises('which cannot be sent', child.send, child, io.stdout)
    t.equal(there_and_back(1), 1)
  end)

t.test('values: tables ten thousand deep go, deeper ones are an error', function()
  local value = {}
  for _ = 1, 9999 do value = { value } end
  local got = there_and_back(value)
  for _ = 1, 9999 do got = got[1] end
  t.equal(next(got), nil)
  t.raises('nested more than 10000 deep', child.send, child, { { value } })
  t.equal(there_and_back(2), 2)
end)

t.test('values: a tensor is received into a tensor of its type, which gets its size', function()
  local target = torch.Tensor(1)
  child:send(torch.Tensor(5, 2):fill(3))
  local got = child:receive(target)
  assert(got == target)
  t.equal(target:nElement(), 10)
  t.equal(target:sum(), 30.0)
end)

t.test('values: a storage gets as many elements as were sent', function()
  local target = torch.DoubleStorage(3)
  child:send(torch.DoubleStorage(100):fill(1))
  child:receive(target)
  t.equal(#target, 100)
  t.equal(target[100], 1.0)
end)

t.test('values: receiving into another type is an error, and the value is there still', function()
  child:send(torch.FloatTensor(4):fill(1))
  t.raises('torch.FloatTensor', child.receive, child, torch.DoubleTensor(4))
  t.equal(child:receive():sum(), 4.0)
end)

t.test('values: noblock, in either place, gives nothing where nothing is there', function()
  t.equal(select('#', child:receive('noblock')), 0)
  t.equal(select('#', child:receive(nil, 'noblock')), 0)
  child:send('x')
  repeat local value = child:receive('noblock') until value == 'x'
end)

t.test('values: a timeout is an error with its code', function()
  for _, call in ipairs { function() child:receive { timeout = 0.01 } end,
                          function() child:receive(nil, { timeout = 0.01 }) end } do
    local good, problem = pcall(call)
    t.equal(good, false)
    t.equal(problem.code, 'timeout')
    assert(tostring(problem):find('child 1'), tostring(problem))
  end
end)

t.test('values: unknown options are refused', function()
  t.raises("unknown option 'timeuot'", child.receive, child, nil, { timeuot = 1 })
end)

t.test('values: probe tells whether a message is there', function()
  t.equal(child:probe(), false)
  child:send(1)
  repeat until child:probe()
  t.equal(child:receive(), 1)
end)

t.test('values: ten thousand messages are received in the order in which they were sent', function()
  local counter = parallel.run [[
    for i = 1, 10000 do parallel.parent:send(i) end
  ]]
  for i = 1, 10000 do t.equal(counter:receive(), i) end
  counter:sync()
end)

t.test('values: a function arrives with what it has closed over, shared as it was', function()
  local count = 10
  local function add() count = count + 1 return count end
  local function get() return count end
  local got = there_and_back { add, get }
  t.equal(got[1](), 11)
  t.equal(got[2](), 11)
  t.equal(get(), 10)
end)

t.test('values: a sender that lags by more than setSharedSize says is held back', function()
  local before = parallel.getSharedSize()
  t.equal(before, 256 << 20)
  parallel.setSharedSize(1 << 20)
  t.equal(parallel.getSharedSize(), 1 << 20)
  local busy = parallel.run [[
    parallel.yield()
    for _ = 1, 8 do parallel.parent:receive() end
  ]]
  local good, problem = pcall(function()
    for _ = 1, 8 do busy:send(torch.ByteTensor(1 << 19), { timeout = 0.2 }) end
  end)
  t.equal(good, false)
  t.equal(problem.code, 'timeout')
  parallel.setSharedSize(before)
  busy:kill('KILL')
  pcall(busy.sync, busy)
end)

t.test('values: of two that are held back both are told who waits for whom', function()
  local before = parallel.getSharedSize()
  parallel.setSharedSize(1000)
  local other = parallel.run [[
    local function echo()
      while true do
        local value = parallel.parent:receive()
        parallel.parent:send(value)
      end
    end
    local _, problem = pcall(echo)
    parallel.yield()
    error(problem, 0)
  ]]
  local good, problem = pcall(function()
    while true do other:send(('x'):rep(500)) end
  end)
  t.equal(good, false)
  t.equal(problem.code, 'usage')
  t.equal(problem.child, other.id)
  assert(problem.message:find('^parallel: send to child ' .. other.id .. ' at .*both sides are '
    .. 'held back.*parallel%.setSharedSize$'), problem.message)
  other:join()
  t.raises('failed: parallel: send to the parent at ', other.sync, other)
  parallel.setSharedSize(before)
end)

t.test('values: a child that waits for a value gets it, however small the limit is now', function()
  local before = parallel.getSharedSize()
  local other = parallel.run [[
    for _ = 1, 3 do
      local value = parallel.parent:receive()
      parallel.parent:send(value)
    end
  ]]
  other:send(1)
  t.equal(other:receive(), 1)
  parallel.setSharedSize(0)
  other:send(2, { timeout = 10 })
  t.equal(other:receive { timeout = 10 }, 2)
  other:send(torch.ones(100000), { timeout = 10 })
  t.equal(other:receive({ timeout = 10 }):sum(), 1e5)
  other:sync()
  parallel.setSharedSize(before)
end)

child:send('end')
child:sync()
t.done()
