-- SPDX-License-Identifier: Apache-2.0
-- Channels in messages: which object comes, and what comes when it cannot be opened.
local ipc = require 'ipc'
local parallel = require 'parallel'
local t = require 'tap'

t.test('shared channel: one that comes back is the one that went', function()
  local c = ipc.channel { shared = true }
  local child = parallel.run(function()
    local one = parallel.parent:receive()
    local again = parallel.parent:receive()
    parallel.parent:send { one, one == again, rawequal(one, again) }
    parallel.parent:receive()
  end)
  child:send(c)
  child:send(c)
  local answer = child:receive()
  t.equal(answer[1], c)
  t.equal(answer[2], true)
  t.equal(answer[3], true)
  child:send('end')
  child:sync()
end)

t.test('shared channel: twice in one message it is one object', function()
  local c = ipc.channel { shared = true }
  local child = parallel.run(function()
    local got = parallel.parent:receive()
    parallel.parent:send(got[1] == got.sub.again)
  end)
  child:send { c, sub = { again = c } }
  t.equal(child:receive(), true)
  child:sync()
end)

t.test('shared channel: one made by a child serves its parent and its siblings', function()
  local maker = parallel.run(function()
    local ipc = require 'ipc'
    local made = ipc.channel { shared = true }
    parallel.parent:send(made)
    for item in made:items() do parallel.parent:send(item) end
  end)
  local c = maker:receive()
  local sibling = parallel.run(function()
    local got = parallel.parent:receive()
    got:write('from the sibling')
    got:close()
  end)
  sibling:send(c)
  t.equal(maker:receive(), 'from the sibling')
  maker:sync()
  sibling:sync()
  t.equal(c:drained(), true)
end)

t.test('shared channel: one in an item of one in an item of one', function()
  local outer, middle, inner = ipc.channel { shared = true }, ipc.channel { shared = true },
    ipc.channel { shared = true }
  outer:write { middle }
  middle:write { inner }
  local child = parallel.run(function()
    local function item_of(channel) return select(2, channel:read())[1] end
    item_of(item_of(parallel.parent:receive())):write('deep')
  end)
  child:send(outer)
  t.equal(select(2, inner:read()), 'deep')
  child:sync()
end)

t.test('shared channel: it is passed from process to process', function()
  local c = ipc.channel { shared = true }
  local child = parallel.run(function()
    local got = parallel.parent:receive()
    local grandchild = parallel.run(function() parallel.parent:receive():write('far') end)
    grandchild:send(got)
    grandchild:sync()
  end)
  child:send(c)
  t.equal(select(2, c:read()), 'far')
  child:sync()
end)

t.test('shared channel: local ones, and other objects of threads, are no items of it', function()
  local c = ipc.channel { shared = true }
  t.raises('threads of one process share', c.write, c, ipc.channel())
  t.raises('threads of one process share', c.write, c, ipc.mutex())
  t.equal(c:num_items(), 0)
end)

t.test('shared channel: it is no local item but by reference', function()
  local here, c = ipc.channel(), ipc.channel { shared = true }
  here:write { c }
  t.equal(select(2, here:read())[1], c)
end)

local function abandoned()
  local child = parallel.run(function()
    local ipc = require 'ipc'
    parallel.parent:send { ipc.channel { shared = true }, ipc.channel { shared = true },
      text = 'the rest' }
  end)
  child:sync()
  return child:receive()
end

t.test('shared channel: the rest of a message comes whose sender has ended', function()
  t.equal(abandoned().text, 'the rest')
end)

t.test('shared channel: one whose sender has ended raises at its use', function()
  local c = abandoned()[1]
  for _, call in ipairs { c.read, c.write, c.try_write, c.items, ipc.select } do
    local good, problem = pcall(function()
      if call == c.items then return c:items()(c) end
      if call == ipc.select then return ipc.select { ipc.channel(), c, timeout = 1 } end
      return call(c, 1)
    end)
    t.equal(good, false)
    t.equal(problem.code, 'peer_lost')
    t.raises('the process that sent it has ended', error, problem)
  end
  t.equal(tostring(c), 'ipc.channel (open, 0 items)')
  c:close()
  t.raises('the process that sent it has ended', ipc.channel { shared = true }.write,
    ipc.channel { shared = true }, c)
end)

t.test('shared channel: threads of a child and of its parent share it', function()
  local c, back = ipc.channel { shared = true }, ipc.channel { shared = true }
  local child = parallel.run(function()
    local ipc = require 'ipc'
    local got = parallel.parent:receive()
    ipc.map(2, function(jobs, answers)
      for item in jobs:items() do answers:write(2 * item) end
    end, got[1], got[2]):join()
    got[2]:close()
  end)
  child:send { c, back }
  local writers = ipc.map(2, function(jobs, id)
    for i = 1, 500 do jobs:write(i) end
    return id
  end, c, 1)
  local reader = ipc.map(1, function(answers)
    local total = 0
    for item in answers:items() do total = total + item end
    return total
  end, back)
  writers:join()
  c:close()
  t.equal(reader:join(), 2 * 2 * 500 * 501 // 2)
  child:sync()
end)

t.test('shared channel: a thread that got one has the object that the others have', function()
  local c = ipc.channel { shared = true }
  local child = parallel.run(function()
    local got = parallel.parent:receive()
    for item in got[1]:items() do got[2]:write(item) end
  end)
  local back = ipc.channel { shared = true }
  child:send { c, back }
  c:write(c)
  c:close()
  t.equal(ipc.map(1, function(theirs, channel)
    return select(2, theirs:read()) == channel
  end, back, c):join(), true)
  child:sync()
end)

t.done()
