-- SPDX-License-Identifier: Apache-2.0
-- Workqueues in one thread, which owns them.
local ipc = require 'ipc'
local t = require 'tap'

t.test('workqueue: the first to name it creates it, later ones find it', function()
  local q, creator = ipc.workqueue 'a name'
  t.equal(creator, 1)
  local again, created = ipc.workqueue('a name', 100, 10)
  t.equal(created, 0)
  assert(rawequal(q, again))
end)

t.test('workqueue: those without a name differ', function()
  local a, creator = ipc.workqueue()
  t.equal(creator, 1)
  assert(a ~= ipc.workqueue())
end)

t.test('workqueue: a name is free again when nobody has the queue', function()
  local q = ipc.workqueue 'once'
  q:close()
  t.equal(select(2, ipc.workqueue 'once'), 1)
end)

t.test('workqueue: sizes are numbers, and nothing else', function()
  t.raises('number expected', ipc.workqueue, nil, {})
  t.raises('number expected', ipc.workqueue, 'x', 1, 'y')
end)

t.test('workqueue: options have names that are known', function()
  local q, creator = ipc.workqueue { name = 'with options', capacity = 3 }
  t.equal(creator, 1)
  assert(rawequal(q, (ipc.workqueue 'with options')))
  t.raises("unknown option 'nmae'", ipc.workqueue, { nmae = 'x' })
  t.raises('must be a string', ipc.workqueue, { name = 5 })
  t.raises('another capacity: 3', ipc.workqueue, { name = 'with options', capacity = 4 })
end)

t.test('workqueue: a read that does not wait gives nothing when there is nothing', function()
  local q = ipc.workqueue()
  t.equal(select('#', q:read(true)), 0)
  t.equal(select('#', q:read { timeout = 0.01 }), 0)
  t.equal(select('#', q:poll()), 1)
  t.equal(q:poll(0.01), false)
end)

t.test('workqueue: a closed one is not open', function()
  local q = ipc.workqueue()
  q:close()
  t.raises('workqueue is not open', q.read, q)
  t.raises('workqueue is not open', q.write, q, 1)
  t.raises('workqueue is not open', q.drain, q)
  t.raises('workqueue is already closed', q.close, q)
  t.equal(tostring(q), 'ipc.workqueue (not open)')
end)

t.test('workqueue: one that was opened twice by its name is to be closed twice', function()
  local q, again = ipc.workqueue 'opened twice', ipc.workqueue 'opened twice'
  q:close()
  again:write(1)
  again:close()
  t.raises('workqueue is not open', q.write, q, 1)
  t.raises('workqueue is already closed', again.close, again)
end)

t.test('workqueue: the end of a block closes it, also when it is closed already', function()
  local kept
  do
    local q <close> = ipc.workqueue()
    kept = q
  end
  t.raises('not open', kept.read, kept)
  do
    local q <close> = ipc.workqueue()
    q:close()
  end
end)

t.test('workqueue: an owner who would wait for nobody hears that', function()
  local q = ipc.workqueue()
  t.raises('read: nobody else has this workqueue', q.read, q)
  q:write(1)
  t.raises('drain: nobody else has this workqueue', q.drain, q)
  t.equal(q:drain(0.01), false)
  local ok, message = pcall(q:items(), q)
  t.equal(ok, false)
  t.equal(message.code, 'usage')
  local full = ipc.workqueue { capacity = 1 }
  full:write(1)
  t.raises('write: nobody else has this workqueue', full.write, full, 2)
end)

t.test('workqueue: one where nothing was asked is drained, and has no answers', function()
  local q = ipc.workqueue()
  t.equal(q:drain(), true)
  for _ in q:items() do error('an answer') end
end)

t.test('workqueue: an error in one item writes none of them', function()
  local q = ipc.workqueue()
  t.raises('writeup()', q.write, q, 1, function() return q end)
  t.equal(q:drain(), true)
end)

t.done()
