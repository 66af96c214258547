-- SPDX-License-Identifier: Apache-2.0
-- join and yield, of both generations of the interface.
local parallel = require 'parallel'
local t = require 'tap'
local script = require 'script'

local loop <const> = [[
  while true do
    local said = parallel.yield()
    if said == 'break' then break end
    parallel.parent:send(said)
  end
]]

t.test('joins: a thousand times a child gets what join says, and none of the data', function()
  local child = parallel.run(loop)
  for i = 1, 1000 do
    child:join('round ' .. i)
    t.equal(child:receive(), 'round ' .. i)
  end
  child:join('break')
  child:sync()
  t.equal(parallel.nchildren, 0)
end)

t.test('joins: without a message yield gives an empty string', function()
  local child = parallel.run 'parallel.parent:send(parallel.yield())'
  child:join()
  t.equal(child:receive(), '')
  child:sync()
end)

t.test('joins: data that was sent before a yield is not its answer', function()
  local child = parallel.run [[
    parallel.parent:send('data')
    parallel.parent:send(parallel.yield())
  ]]
  child:join('word')
  t.equal(child:receive(), 'data')
  t.equal(child:receive(), 'word')
  child:sync()
end)

t.test('joins: a child that never yields is waited for to its end', function()
  local child = parallel.run [[require('sys').sleep(0.2)]]
  child:join()
  t.equal(child:status(), 'ended')
  child:join()
  child:sync()
end)

t.test('joins: an error of the child is raised with its traceback', function()
  local child = parallel.run [[
    local function deep() error('it broke') end
    parallel.parent:send(1)
    deep()
  ]]
  local good, problem = pcall(child.join, child)
  t.equal(good, false)
  t.equal(problem.code, 'child_failed')
  t.equal(problem.child, child.id)
  assert(problem.message:find('child %d+ failed: .*it broke\nstack traceback:'), problem.message)
  assert(problem.message:find("upvalue 'deep'") or problem.message:find("local 'deep'")
    or problem.message:find('deep'), problem.message)
  pcall(child.sync, child)
end)

t.test('joins: every member of a group is told before any is waited for', function()
  local fifo = script.fifo()
  local children = parallel.nfork(2)
  -- The first yields only once the second has been joined.
  children[1]:exec(function() io.open(fifo, 'r'):close() parallel.yield() end)
  children[2]:exec(function() parallel.yield() io.open(fifo, 'w'):close() end)
  children:join()
  children:sync()
  os.remove(fifo)
end)

t.test('joins: one that fails is told while others of the group never answer', function()
  local silent = parallel.run 'parallel.parent:receive()'
  local failing = parallel.run "error('no')"
  local group = { silent, failing }
  t.raises('no', parallel.join, group)
  silent:send(0)
  t.raises('no', parallel.sync, group)
  t.equal(parallel.nchildren, 0)
end)

t.test('joins: one that timed out does not answer the next', function()
  local child = parallel.run [[
    parallel.parent:receive()
    parallel.yield()
    parallel.parent:send('between')
    parallel.yield()
  ]]
  local good, problem = pcall(child.join, child, '', { timeout = 0.05 })
  t.equal(good, false)
  t.equal(problem.code, 'timeout')
  child:send('go')
  child:join('second')
  t.equal(child:receive('noblock'), 'between')
  child:sync()
end)

t.test('joins: yield in a process without a parent is an error', function()
  t.raises('joins_test.lua', function() parallel.yield() end)
  t.raises('no parent', parallel.yield)
end)

t.test('joins: a child that yields is joined, however much it has not received', function()
  local before = parallel.getSharedSize()
  parallel.setSharedSize(1 << 20)
  local child = parallel.run [[
    parallel.yield()
    local n = 0
    repeat
      local value = parallel.parent:receive()
      n = n + 1
    until value == 'end'
    parallel.parent:send(n)
  ]]
  local sent, half = 0, ('x'):rep(1 << 19)
  while pcall(child.send, child, half, { timeout = 0.1 }) do sent = sent + 1 end
  assert(sent < 4, sent .. ' were sent')
  child:join(nil, { timeout = 10 })
  child:send('end')
  t.equal(child:receive(), sent + 1)
  child:sync()
  parallel.setSharedSize(before)
end)

t.done()
