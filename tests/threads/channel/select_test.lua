-- SPDX-License-Identifier: Apache-2.0
-- ipc.select in one thread.
local ipc = require 'ipc'
local t = require 'tap'

t.test('select: it gives the place, the state and the item of one that has something', function()
  local a, b = ipc.channel(), ipc.channel()
  b:write 'x'
  local index, status, item = ipc.select { a, b }
  t.equal(index, 2)
  t.equal(status, ipc.channel.OPEN)
  t.equal(item, 'x')
end)

t.test('select: a nil item is an item', function()
  local a = ipc.channel()
  a:write(nil)
  t.equal(select('#', ipc.select { a }), 3)
end)

t.test('select: all that always have something get their turns', function()
  local channels, seen = { ipc.channel(), ipc.channel(), ipc.channel() }, { 0, 0, 0 }
  for _, c in ipairs(channels) do
    for i = 1, 30 do c:write(i) end
  end
  for _ = 1, 30 do
    local index = ipc.select(channels)
    seen[index] = seen[index] + 1
  end
  for i = 1, 3 do t.equal(seen[i], 10) end
end)

t.test('select: with priority the first that has something is taken', function()
  local a, b = ipc.channel(), ipc.channel()
  a:write(1, 2)
  b:write(3)
  for expected in ('112'):gmatch '.' do
    t.equal(ipc.select { a, b, priority = true }, tonumber(expected))
  end
end)

t.test('select: what is drained is passed over', function()
  local a, b = ipc.channel(), ipc.channel()
  a:close()
  b:write(1)
  t.equal(ipc.select { a, b }, 2)
end)

t.test('select: when all are drained it says so', function()
  local a, b = ipc.channel(), ipc.channel()
  a:write(1)
  a:close()
  b:close()
  local index, status = ipc.select { a, b }
  t.equal(index, 1)
  t.equal(status, ipc.channel.CLOSED)
  index, status = ipc.select { a, b }
  t.equal(index, nil)
  t.equal(status, ipc.channel.DRAINED)
end)

t.test('select: when the time passes it says that they are open', function()
  local a = ipc.channel()
  local before = ipc.clock()
  local index, status = ipc.select { a, timeout = 0.05 }
  assert(ipc.clock() - before >= 0.05)
  t.equal(index, nil)
  t.equal(status, ipc.channel.OPEN)
  index, status = ipc.select { a, timeout = 0 }
  t.equal(index, nil)
  t.equal(status, ipc.channel.OPEN)
end)

t.test('select: the owner of a queue waits for its answers', function()
  local q = ipc.workqueue()
  q:write 'a question'
  t.equal(ipc.select { q, timeout = 0 }, nil)
end)

t.test('select: who would wait for nobody hears that', function()
  local a, q = ipc.channel(), ipc.workqueue()
  t.raises('ipc.select: nobody else has', ipc.select, { a, q })
end)

t.test('select: the same channel may stand twice', function()
  local a = ipc.channel()
  a:write(1)
  local index = ipc.select { a, a }
  assert(index == 1 or index == 2)
end)

t.test('select: what makes no sense is refused', function()
  local a, q = ipc.channel(), ipc.workqueue()
  q:close()
  t.raises('table expected', ipc.select, a)
  t.raises('no channel or workqueue', ipc.select, {})
  t.raises('entry 2 is no open channel', ipc.select, { a, 'b' })
  t.raises('entry 2 is no open channel', ipc.select, { a, q })
  t.raises("unknown option 'time'", ipc.select, { a, time = 1 })
  t.raises('0 or more', ipc.select, { a, timeout = -1 })
  t.raises('true or false', ipc.select, { a, priority = 1 })
end)

t.done()
