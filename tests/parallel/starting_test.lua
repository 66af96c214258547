-- SPDX-License-Identifier: Apache-2.0
-- Children are started, told who they are, and given code.
local parallel = require 'parallel'
local script = require 'script'
local t = require 'tap'

t.test('starting: arguments of any value arrive in ... and in parallel.args', function()
  local child = parallel.run([[
    local a, b, c, d = ...
    parallel.parent:send { select('#', ...), a, b, c.x, d == nil, parallel.args[1] }
  ]], "it's \"quoted\"; $HOME", 3, { x = 1.5 }, nil)
  local got = child:receive()
  t.equal(got[1], 4)
  t.equal(got[2], "it's \"quoted\"; $HOME")
  t.equal(got[3], 3)
  t.equal(got[4], 1.5)
  t.equal(got[5], true)
  t.equal(got[6], got[2])
  child:sync()
end)

t.test('starting: a child knows its number, its parent and its paths', function()
  local child = parallel.run [[
    parallel.parent:send { parallel.id, parallel.parent.id, package.path }
  ]]
  local got = child:receive()
  t.equal(got[1], child.id)
  t.equal(got[2], 0)
  t.equal(got[3], package.path)
  child:sync()
end)

t.test('starting: children are numbered on, and leave their table when they are synced', function()
  parallel.reset()
  local first = parallel.nfork(2)
  first:exec 'parallel.yield()'
  t.equal(parallel.nchildren, 2)
  t.equal(parallel.children[2].id, 2)
  first:join()
  parallel.children[1]:sync()
  t.equal(parallel.children[1], nil)
  t.equal(parallel.nchildren, 1)
  local third = parallel.fork()
  t.equal(third.id, 3)
  t.equal(parallel.processid, 4)
  third:exec ''
  parallel.children:sync()
  t.equal(next(parallel.children), nil)
  t.equal(parallel.nchildren, 0)
end)

t.test('starting: fork of an interpreter that does not exist is an error there', function()
  t.raises('/no/such/lua', parallel.fork, nil, nil, '/no/such/lua')
  t.equal(parallel.nchildren, 0)
end)

t.test('starting: code with a syntax error is an error in the parent', function()
  t.raises('unexpected symbol', parallel.run, 'x = = 1')
  local child = parallel.fork()
  t.raises('starting_test.lua', function() child:exec 'x = = 1' end)
  child:exec ''
  child:sync()
end)

t.test('starting: a second exec is an error, and nothing is sent to anybody', function()
  local children = parallel.nfork(2)
  children[2]:exec 'parallel.yield()'
  t.raises('<parallel.exec> process already running code, cannot exec again', parallel.exec,
    children, 'error()')
  t.equal(children[1].running, false)
  children[1]:exec ''
  children:join()
  children:sync()
end)

t.test('starting: nfork takes a number, descriptions, and a list of descriptions', function()
  local lists = { parallel.nfork(1), parallel.nfork({ 1, ip = 'localhost' }, { 2 }),
                  parallel.nfork { { 1 }, { 1 } } }
  t.equal(#lists[1], 1)
  t.equal(#lists[2], 3)
  t.equal(#lists[3], 2)
  for _, list in ipairs(lists) do
    list:exec ''
    list:sync()
  end
end)

t.test('starting: a function is code, with its upvalues', function()
  local factor = 3
  local child = parallel.run(function(x)
    local parallel = require 'parallel'  -- luacheck: ignore
    parallel.parent:send(x * factor)
  end, 14)
  t.equal(child:receive(), 42)
  child:sync()
end)

t.test('starting: children have children of their own, five deep', function()
  local code = [[
    local code, depth = ...
    if depth > 0 then
      local child = parallel.run(code, code, depth - 1)
      parallel.parent:send(child:receive() + 1)
      child:sync()
    else
      parallel.parent:send(1)
    end
  ]]
  local child = parallel.run(code, code, 4)
  t.equal(child:receive(), 5)
  child:sync()
end)

t.test('starting: the plain interpreter can be a child', function()
  local child = parallel.fork('localhost', nil, 'lua5.4', 1, 'two')
  child:exec "parallel.parent:send(arg[0] or select(2, ...))"
  local got = child:receive()
  assert(got, 'nothing')
  child:sync()
end)

t.test('starting: the root has a parent that says that it is none', function()
  t.equal(parallel.parent.id, -1)
  t.raises('has no parent', parallel.parent.send, parallel.parent, 1)
end)

t.test('starting: print tells who prints', function()
  local text = script.run [[
    local parallel = require 'parallel'
    print = parallel.print
    print('root', 1)
    parallel.run "print = parallel.print print('child')":sync()
  ]]
  t.equal(text, '<parallel#000>\troot\t1\n<parallel#001>\tchild\n')
end)

t.test('starting: a program that is missing is told of with the places where it was looked for',
  function()
    local text = script.run("require('parallel').fork()", 'IPCRUN_AGENT=/no/agent')
    assert(text:find('IPCRUN_AGENT names /no/agent, which cannot be executed', 1, true), text)
  end)

t.test('starting: numbers of processes are whole, be they integers or doubles', function()
  local children = parallel.nfork(4 / 2)
  t.equal(#children, 2)
  t.equal(#parallel.nfork { 1.0 }, 1)
  t.equal(#parallel.sfork(1.0), 1)
  t.raises('must be an integer', parallel.nfork, 1.5)
  t.raises('must be an integer', parallel.nfork, 1, nil, 1)
  t.equal(parallel.nchildren, 4)
  parallel.close()
end)

t.test('starting: what cannot be started is refused before anything is', function()
  local wrong <const> = {
    { "unknown option 'core'", parallel.nfork, { 1, core = 2 } },
    { 'a host is a name', parallel.fork, 12 },
    { 'an interpreter is a program', parallel.fork, nil, nil, {} },
    { 'must be an integer', parallel.nfork, { 2 }, { 'x' } },
  }
  for _, call in ipairs(wrong) do
    local good, problem = pcall(table.unpack(call, 2, 5))
    assert(not good and problem:find('^[%w_./]+:%d+: .*' .. call[1]), tostring(problem))
  end
  t.equal(parallel.nchildren, 0)
end)

t.done()
