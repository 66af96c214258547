-- SPDX-License-Identifier: Apache-2.0
local ipc = require 'ipc'
local torch = require 'torch'
local t = require 'tap'

t.test('marshal: every read is a copy of its own', function()
  local source = { list = { 1, 2.5, 'three' }, yes = true }
  local m = ipc.marshal(source)
  source.list[1] = 'later'
  local a, b = m:read(), m:read()
  t.equal(a.list[1], 1)
  t.equal(a.list[2], 2.5)
  t.equal(a.list[3], 'three')
  t.equal(b.yes, true)
  assert(a ~= b and a.list ~= b.list)
end)

t.test('marshal: numbers, strings and booleans are read as they were', function()
  for _, value in ipairs { 23, 2.0, 'a\0b', true, false } do
    t.equal(ipc.marshal(value):read(), value)
  end
end)

t.test('marshal: tensors are read by reference, any number of times', function()
  local tensor = torch.zeros(3)
  local m = ipc.marshal { tensor }
  for i = 1, 3 do
    m:read()[1][i] = i
    collectgarbage()
  end
  t.equal(tensor:sum(), 6.0)
end)

t.test('marshal: without an object it is an error', function()
  t.raises('must provide object to serialize at arg 1', ipc.marshal)
  t.raises('must provide object to serialize at arg 1', ipc.marshal, nil)
end)

t.test('marshal: upvalues go along only when that is asked for', function()
  local n = 3
  local function count(m) return n + m end
  t.raises('is a closure with 1 upvalue,', ipc.marshal, count)
  t.equal(ipc.marshal(count, true):read()(4), 7)
  t.equal(ipc.marshal(function(a) return math.abs(a) end):read()(-1), 1)
end)

t.test('marshal: what cannot go is named with its place', function()
  t.raises("field 'a.b' of the table is a thread", ipc.marshal,
    { a = { b = coroutine.create(print) } })
end)

t.test("marshal: torch-ipc's sizes of its buffer are taken", function()
  t.equal(ipc.marshal(23, 10, 10):read(), 23)
  t.equal(#ipc.marshal(('x'):rep(1000), nil, 8, 8):read(), 1000)
  t.raises('number expected', ipc.marshal, 23, true, 'big')
end)

t.test('marshal: torch sees a userdata of no class', function()
  t.equal(torch.type(ipc.marshal(1)), 'userdata')
end)

t.test('marshal: a closed one cannot be read', function()
  local m = ipc.marshal(1)
  m:close()
  t.raises('marshal is not open', m.read, m)
  t.raises('marshal is not open', m.close, m)
  local held
  do
    local scoped <close> = ipc.marshal(2)
    held = scoped
    t.equal(scoped:read(), 2)
  end
  t.raises('marshal is not open', held.read, held)
end)

t.test('marshal: one may be in another, by reference', function()
  local inner = ipc.marshal { 7 }
  t.equal(ipc.marshal({ inner }):read()[1], inner)
end)

t.done()
