-- SPDX-License-Identifier: Apache-2.0
-- Channels between processes: what each call gives, and what it refuses.
local ipc = require 'ipc'
local parallel = require 'parallel'
local t = require 'tap'
local OPEN, CLOSED, DRAINED = ipc.channel.OPEN, ipc.channel.CLOSED, ipc.channel.DRAINED

-- A child that runs `body(...)`, whose arguments are sent to it. A name of this file's would be an
-- upvalue, and children have `ipc` and `parallel` of their own.
local function start(body, ...)
  local child = parallel.run(function()
    local task = parallel.parent:receive()
    task.body(table.unpack(task, 1, task.n))
  end)
  local task = table.pack(...)
  task.body = body
  child:send(task)
  return child
end

t.test('shared channel: it is an ipc.channel like others', function()
  local c = ipc.channel { shared = true }
  t.equal(getmetatable(c), getmetatable(ipc.channel()))
  t.equal(tostring(c), 'ipc.channel (open, 0 items)')
  t.equal(c:capacity(), nil)
  t.equal(ipc.channel { shared = true, capacity = 3 }:capacity(), 3)
end)

t.test('shared channel: options that make no sense are refused', function()
  t.raises('shared must be true or false', ipc.channel, { shared = 1 })
  t.raises('the name must be a string', ipc.channel, { shared = true, name = 1 })
  t.raises('a name is for shared channels: add shared = true', ipc.channel, { name = 'x' })
  t.raises("unknown option 'size' (there are: capacity, name, shared)", ipc.channel, { size = 1 })
  t.raises('16777216', ipc.channel, { shared = true, capacity = 2^40 // 1 | 0 })
end)

t.test('shared channel: a process without a launcher has no names', function()
  local good, problem = pcall(ipc.channel, { shared = true, name = 'x' })
  t.equal(good, false)
  t.equal(problem.code, 'usage')
  t.raises('start it with ipcrun, or share a queue without a name', error, problem)
end)

t.test('shared channel: who is alone with one that was never handed on is told', function()
  local c = ipc.channel { shared = true, capacity = 1 }
  local good, problem = pcall(c.read, c)
  t.equal(good, false)
  t.equal(problem.code, 'usage')
  c:write(1)
  good, problem = pcall(c.write, c, 2)
  t.equal(good, false)
  t.equal(problem.code, 'usage')
  t.equal(select(2, c:read()), 1)
end)

t.test('shared channel: items go from child to parent, in order', function()
  local c = ipc.channel { shared = true }
  local child = start(function(channel)
    for i = 1, 1000 do channel:write(i) end
    channel:close()
  end, c)
  local expected = 1
  for item in c:items() do
    t.equal(item, expected)
    expected = expected + 1
  end
  t.equal(expected, 1001)
  child:sync()
end)

t.test('shared channel: items go from parent to child', function()
  local questions, answers = ipc.channel { shared = true }, ipc.channel { shared = true }
  local child = start(function(ours, theirs)
    for item in ours:items() do theirs:write(item * item) end
    theirs:close()
  end, questions, answers)
  questions:write(1, 2, 3, 4)
  questions:close()
  local sum = 0
  for item in answers:items() do sum = sum + item end
  t.equal(sum, 30)
  child:sync()
end)

t.test('shared channel: fork and nfork hand it on as run does', function()
  local c = ipc.channel { shared = true }
  local one, three = parallel.fork(), parallel.nfork(3)
  for _, process in ipairs { one, three } do
    process:exec(function() parallel.parent:receive().channel:write(parallel.id) end)
    process:send { channel = c }
  end
  local ids = {}
  for _ = 1, 4 do ids[#ids + 1] = select(2, c:read()) end
  table.sort(ids)
  for i = 2, 4 do t.equal(ids[i], ids[i - 1] + 1) end
  one:sync()
  three:sync()
end)

t.test('shared channel: it is open, closed and drained in all processes', function()
  local c, back = ipc.channel { shared = true }, ipc.channel { shared = true }
  local child = start(function(channel, answers)
    local states = ipc.channel
    answers:write(channel:write() == states.OPEN, channel:closed())
    parallel.parent:receive()
    answers:write(channel:write('late') == states.CLOSED, channel:closed(), channel:drained())
    answers:write((channel:read()), select(2, channel:read(true)), (channel:read()))
    answers:write(channel:drained())
  end, c, back)
  local function answer() return select(2, back:read()) end
  t.equal(answer(), true)
  t.equal(answer(), false)
  c:write('a', 'b')
  c:close()
  t.equal(c:write(), CLOSED)
  child:send('go on')
  t.equal(answer(), true)
  t.equal(answer(), true)
  t.equal(answer(), false)
  t.equal(answer(), CLOSED)
  t.equal(answer(), 'b')
  t.equal(answer(), DRAINED)
  t.equal(answer(), true)
  child:sync()
  t.equal(c:read(), DRAINED)
  t.equal(c:write(1), DRAINED)
end)

t.test('shared channel: a full one holds up a writer of another process', function()
  local c, back = ipc.channel { shared = true, capacity = 2 }, ipc.channel { shared = true }
  local child = start(function(channel, answers)
    local states = ipc.channel
    answers:write { channel:try_write(1, 2, 3) }
    answers:write { channel:write_for(0.05, 3) }
    answers:write('waits')
    answers:write { channel:write(3), states.OPEN }
  end, c, back)
  local function answer() return select(2, back:read()) end
  local tried = answer()
  t.equal(tried[1], OPEN)
  t.equal(tried[2], 2)
  t.equal(answer()[2], 0)
  t.equal(answer(), 'waits')
  t.equal(back:read { timeout = 0.1 }, OPEN)
  t.equal(back:num_items(), 0)
  t.equal(c:num_items(), 2)
  t.equal(select(2, c:read()), 1)
  t.equal(answer()[1], OPEN)
  t.equal(c:num_items(), 2)
  child:sync()
end)

t.test('shared channel: a read whose time passes gives the state alone', function()
  local c = ipc.channel { shared = true }
  local child = start(function(channel)
    parallel.parent:receive()
    channel:write(1)
  end, c)
  local before = ipc.clock()
  local got = table.pack(c:read { timeout = 0.25 })
  t.equal(got.n, 1)
  t.equal(got[1], OPEN)
  local seconds = ipc.clock() - before
  assert(seconds >= 0.25 and seconds < 5, seconds)
  child:send('now')
  t.equal(select(2, c:read { timeout = 20 }), 1)
  child:sync()
end)

t.test('shared channel: nil is an item, which ends no for loop', function()
  local c = ipc.channel { shared = true }
  c:write(nil, false)
  local got = table.pack(c:read())
  t.equal(got.n, 2)
  t.equal(got[2], nil)
  c:write(nil)
  t.equal(select(2, c:read()), false)
  t.raises('an item is nil', function() for _ in c:items() do error('nil came') end end)
end)

t.test('shared channel: closing wakes readers and writers of other processes', function()
  local empty, full = ipc.channel { shared = true }, ipc.channel { shared = true, capacity = 1 }
  local back = ipc.channel { shared = true }
  local reader = start(function(channel, answers)
    answers:write('there')
    answers:write((channel:read()))
  end, empty, back)
  local writer = start(function(channel, answers)
    channel:write(1)
    answers:write('there')
    answers:write((channel:write(2)))
  end, full, back)
  t.equal(select(2, back:read()), 'there')
  t.equal(select(2, back:read()), 'there')
  empty:close()
  full:close()
  local sum = select(2, back:read()) + select(2, back:read())
  t.equal(sum, DRAINED + CLOSED)
  reader:sync()
  writer:sync()
end)

t.test('shared channel: select waits for shared and local ones at once', function()
  local here, there = ipc.channel(), ipc.channel { shared = true }
  local child = start(function(channel)
    parallel.parent:receive()
    channel:write('from the child')
  end, there)
  here:write('from here')
  local index, status, item = ipc.select { there, here }
  t.equal(index, 2)
  t.equal(status, OPEN)
  t.equal(item, 'from here')
  t.equal(ipc.select { there, here, timeout = 0.05 }, nil)
  child:send('go on')
  index, status, item = ipc.select { there, here }
  t.equal(index, 1)
  t.equal(status, OPEN)
  t.equal(item, 'from the child')
  child:sync()
end)

t.done()
