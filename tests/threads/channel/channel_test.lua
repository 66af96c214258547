-- SPDX-License-Identifier: Apache-2.0
-- Channels in one thread: what each call gives, and what it refuses.
local ipc = require 'ipc'
local t = require 'tap'
local OPEN, CLOSED, DRAINED = ipc.channel.OPEN, ipc.channel.CLOSED, ipc.channel.DRAINED

t.test('channel: it is a table that can be called, with the names of what it answers', function()
  t.equal(type(ipc.channel), 'table')
  t.equal(OPEN, 0)
  t.equal(CLOSED, 1)
  t.equal(DRAINED, 2)
  t.equal(type(ipc.channel()), 'userdata')
end)

t.test('channel: each argument of write is an item, nil too', function()
  local c = ipc.channel()
  t.equal(c:write(1, nil, 'three'), OPEN)
  t.equal(c:num_items(), 3)
  t.equal(select(2, c:read()), 1)
  t.equal(select('#', c:read()), 2)
  t.equal(select(2, c:read()), 'three')
end)

t.test('channel: write of nothing says how it is', function()
  local c = ipc.channel()
  t.equal(c:write(), OPEN)
  c:write(1)
  c:close()
  t.equal(c:write(), CLOSED)
  c:read()
  t.equal(c:write(), DRAINED)
end)

t.test('channel: values come as they were', function()
  local c = ipc.channel()
  for _, value in ipairs { true, false, 7, 7.5, -0.0, math.mininteger, '', 'short', ('x'):rep(30),
                           ('x'):rep(31), 'with\0nul' } do
    c:write(value)
    local _, got = c:read()
    t.equal(got, value)
  end
  c:write { { 1, x = 'y' } }
  local _, got = c:read()
  t.equal(got[1].x, 'y')
end)

t.test('channel: a nonblocking read of an empty one gives its state alone', function()
  local c = ipc.channel()
  t.equal(select('#', c:read(true)), 1)
  t.equal(c:read(true), OPEN)
  c:close()
  t.equal(c:read(true), DRAINED)
end)

t.test('channel: a read whose time passes gives the state alone', function()
  local c = ipc.channel()
  local before = ipc.clock()
  local got = table.pack(c:read { timeout = 0.05 })
  t.equal(got.n, 1)
  t.equal(got[1], OPEN)
  assert(ipc.clock() - before >= 0.05)
end)

t.test('channel: a closed one gives what is left as closed, and is drained then', function()
  local c = ipc.channel()
  c:write('a', 'b')
  c:close()
  t.equal(c:closed(), true)
  t.equal(c:drained(), false)
  local status, item = c:read()
  t.equal(status, CLOSED)
  t.equal(item, 'a')
  t.equal(c:read(), CLOSED)
  t.equal(c:drained(), true)
  t.equal(select('#', c:read()), 1)
  t.equal(c:read(), DRAINED)
end)

t.test('channel: a closed one takes nothing, and says so without an error', function()
  local c = ipc.channel()
  c:write(1)
  c:close()
  c:close()
  t.equal(c:write(2), CLOSED)
  t.equal(c:num_items(), 1)
  c:read()
  t.equal(c:write(2), DRAINED)
  t.equal(c:drained(), true)
end)

t.test('channel: an error in one item writes none of them', function()
  local c = ipc.channel()
  t.raises('closure', c.write, c, 1, function() return c end)
  t.raises('cannot be sent', c.write, c, 1, io.stdout)
  t.equal(c:num_items(), 0)
end)

t.test('channel: writeup takes closures', function()
  local c, bias = ipc.channel(), 41
  c:writeup(function() return bias + 1 end)
  t.equal(select(2, c:read())(), 42)
end)

t.test('channel: a full one takes what fits, and says how many that were', function()
  local c = ipc.channel { capacity = 2 }
  t.equal(c:capacity(), 2)
  t.equal(ipc.channel():capacity(), nil)
  local status, count = c:try_write(1, 2, 3)
  t.equal(status, OPEN)
  t.equal(count, 2)
  status, count = c:write_for(0.01, 3)
  t.equal(status, OPEN)
  t.equal(count, 0)
  c:read()
  t.equal(select(2, c:write_for(1, 3)), 1)
end)

t.test('channel: who would wait for ever for nobody hears that', function()
  local c = ipc.channel { capacity = 1 }
  local ok, message = pcall(c.read, c)
  t.equal(ok, false)
  t.equal(message.code, 'usage')
  t.raises('read: nobody else has this channel', c.read, c)
  c:write(1)
  t.raises('write: nobody else has this channel', c.write, c, 2)
end)

t.test('channel: channels travel in channels, and stay what they are', function()
  local outer, inner = ipc.channel(), ipc.channel()
  outer:write { inner }
  local _, got = outer:read()
  assert(rawequal(got[1], inner))
  inner:write(5)
  t.equal(select(2, got[1]:read()), 5)
end)

t.test('channel: a loop over its items ends when it is drained', function()
  local c, sum = ipc.channel(), 0
  c:write(1, 2, 3)
  c:close()
  for item in c:items() do sum = sum + item end
  t.equal(sum, 6)
end)

t.test('channel: a nil would end a loop, and raises instead', function()
  local c = ipc.channel()
  c:write(1, nil, 3)
  t.raises('use read', function() for _ in c:items() do t.equal(c:num_items(), 2) end end)
end)

t.test('channel: the end of a block closes it', function()
  local kept
  do
    local c <close> = ipc.channel()
    kept = c
  end
  t.equal(kept:drained(), true)
end)

t.test('channel: it prints its state', function()
  local c = ipc.channel()
  t.equal(tostring(c), 'ipc.channel (open, 0 items)')
  c:write(1)
  c:close()
  t.equal(tostring(c), 'ipc.channel (closed, 1 item)')
end)

t.test('channel: finalisers that run when the state is closed do no harm', function()
  local script = [[
    local c, q
    finalised = setmetatable({}, { __gc = function()
      print(pcall(c.write, c, 1), pcall(q.write, q, 1), pcall(q.read, q))
    end })
    local ipc = require 'ipc'
    c, q = ipc.channel(), ipc.workqueue()
    q:write(1)
  ]]
  local pipe <close> = assert(io.popen(('%s -e "%s"'):format(arg[-1], script)))
  assert(pipe:read('a'):find('^%a+'))
  assert(pipe:close())
end)

t.test('channel: what makes no sense is refused', function()
  local c = ipc.channel()
  t.raises("unknown option 'size'", ipc.channel, { size = 1 })
  t.raises('1 or more', ipc.channel, { capacity = 0 })
  t.raises('1 or more', ipc.channel, { capacity = '5' })
  t.raises('table of options', ipc.channel, 5)
  t.raises("unknown option 'time'", c.read, c, { time = 1 })
  t.raises('0 or more', c.write_for, c, -1, 1)
  t.raises('ipc.channel expected', c.read, io.stdout)
end)

t.test('channel: channels that hold each other in a chain of any length end without a stack of it',
  function()
    local chain
    for _ = 1, 100000 do
      local link = ipc.channel()
      link:write(chain)
      chain = link
    end
    chain = nil
    collectgarbage()
    collectgarbage()
    local held = ipc.channel()
    for _ = 1, 100000 do held = ipc.marshal(held) end
    t.equal(chain, nil)
  end)

t.test('channel: a shared one is refused in a forked child, which goes on', function()
  local c = ipc.channel { shared = true }
  local held = ipc.marshal(c)
  local pid = ipc.fork()
  if pid == 0 then
    held:close()
    local refused = 0
    local calls = { c.write, c.read, c.num_items, c.close, c.closed, c.drained, tostring }
    for _, call in ipairs(calls) do
      local good, problem = pcall(call, c, call == c.read)
      if not good and tostring(problem):find('forked', 1, true) then refused = refused + 1 end
    end
    os.exit(refused)
  end
  t.equal(ipc.waitpid(pid), 7)
  c:write(1)
  t.equal(select(2, c:read()), 1)
end)

t.test('channel: an error of ipc that is an item still prints as its text', function()
  local c = ipc.channel()
  local _, failure = pcall(c.read, c)
  c:write(failure, { nested = failure })
  local _, got = c:read()
  t.equal(tostring(got), failure.message)
  t.equal(got.code, 'usage')
  local _, outer = c:read()
  t.equal(tostring(outer.nested), failure.message)
end)

t.done()
