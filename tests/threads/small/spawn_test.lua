-- SPDX-License-Identifier: Apache-2.0
local ipc = require 'ipc'
local torch = require 'torch'
local t = require 'tap'
local script = require 'script'

local function shell(text, env)
  return ipc.spawn { file = 'sh', args = { '-c', text }, env = env }
end

t.test('spawn: a program is searched for, gets its arguments, and is read by lines', function()
  local p = ipc.spawn { file = 'printf', args = { '%s|%s|%s\nlast', 'a b', 12, 2.5 } }
  t.equal(p:stdout(), 'a b|12|2.5')
  t.equal(p:stdout('*l'), 'last')
  t.equal(p:stdout(), nil)
  t.equal(select('#', p:stdout('*l')), 0)
  t.equal(p:wait(), 0)
end)

t.test('spawn: the environment is replaced where one is given', function()
  local p = ipc.spawn { file = '/usr/bin/env', env = { 'A=1', 'B=two' } }
  t.equal(p:stdout('*a'), 'A=1\nB=two\n')
  p:wait()
  p = shell 'echo "$PATH"'
  t.equal(p:stdout(), os.getenv 'PATH')
  p:wait()
end)

t.test('spawn: a program reads what is written, until its input is closed', function()
  local p = ipc.spawn { file = 'cat' }
  p:stdin('one\n')
  p:stdin(2)
  t.equal(p:stdout(), 'one')
  p:stdin()
  t.equal(p:stdout(), '2')
  t.equal(p:stdout('*all'), nil)
  t.raises('it was closed already', p.stdin, p, 'more')
  t.equal(p:wait(), 0)
end)

t.test('spawn: a number of bytes is one read of up to so many', function()
  local p = ipc.spawn { file = 'printf', args = { 'abcdef' } }
  t.equal(p:stdout(2), 'ab')
  t.equal(p:stdout(100), 'cdef')
  t.equal(p:stdout(1), nil)
  t.raises('1 or more', p.stdout, p, 0)
  p:wait()
end)

t.test('spawn: all is read once, as bytes', function()
  local p = shell [[printf 'a\0b\nc\n']]
  t.equal(p:stdout('*all'), 'a\0b\nc\n')
  t.equal(p:stdout('*all'), nil)
  p:wait()
end)

t.test('spawn: a lot goes in and comes out though nobody reads meanwhile', function()
  local p = ipc.spawn { file = 'cat' }
  local text = ('0123456789abcdef'):rep(4 * 65536)
  p:stdin(text)
  p:stdin()
  assert(p:stdout('*a') == text)
  t.equal(p:wait(), 0)
end)

t.test('spawn: wait gives the exit status, and reads what nobody wants', function()
  t.equal(shell 'exit 3':wait(), 3)
  t.equal(select('#', shell 'exit 3':wait()), 1)
  t.equal(shell 'head -c 1000000 /dev/zero; exit 5':wait(), 5)
  t.equal(ipc.spawn { file = 'cat' }:wait(), 0)
end)

t.test('spawn: a program that a signal ended has status 0, and the name of the signal', function()
  for _, name in ipairs { 'TERM', 'KILL' } do
    local status, signal = ipc.spawn { file = 'sleep', args = { 100 } }:wait(name)
    t.equal(status, 0)
    t.equal(signal, name)
  end
  local status, signal = shell 'kill -INT $$':wait()
  t.equal(status, 0)
  t.equal(signal, 'INT')
end)

t.test('spawn: wait does not wait for others that hold the output open', function()
  local p = shell 'sleep 100 & echo $!'
  local sleeper = p:stdout()
  t.equal(p:wait(), 0)
  ipc.spawn({ file = 'kill', args = { sleeper } }):wait()
end)

t.test('spawn: a program tells whether it runs, its number and its descriptor', function()
  local p = ipc.spawn { file = 'cat' }
  t.equal(p:running(), true)
  t.equal(math.type(p:pid()), 'integer')
  t.equal(math.type(p:stdoutFileId()), 'integer')
  p:stdin()
  t.equal(p:stdout('*a'), nil)
  t.equal(p:wait(), 0)
  p = shell 'echo $$'
  t.equal(p:stdout(), tostring(p:pid()))
  p:wait()
end)

t.test('spawn: after wait every call is an error', function()
  local p = shell 'exit 0'
  p:wait()
  for _, call in ipairs { 'pid', 'running', 'stdin', 'stdout', 'stdoutFileId', 'wait' } do
    t.raises('spawn was already closed', p[call], p)
  end
end)

t.test('spawn: an unknown signal is an error, and the program can be waited for', function()
  local p = ipc.spawn { file = 'cat' }
  t.raises('unknown signal', p.wait, p, 'HUP')
  t.equal(p:wait(), 0)
end)

t.test('spawn: wrong arguments are errors', function()
  t.raises('expected a single table argument', ipc.spawn)
  t.raises('expected a single table argument', ipc.spawn, 'echo')
  t.raises('expected a single table argument', ipc.spawn, {}, {})
  t.raises('file: expected a string', ipc.spawn, {})
  t.raises('file: expected a string', ipc.spawn, { file = 1 })
  t.raises('args: expected a table, or nil', ipc.spawn, { file = 'echo', args = 'x' })
  t.raises('env: expected a table, or nil', ipc.spawn, { file = 'echo', env = 'x' })
  t.raises('args[2]: expected a string', ipc.spawn, { file = 'echo', args = { 'x', {} } })
  t.raises('args[1]: there is a zero', ipc.spawn, { file = 'echo', args = { 'a\0b' } })
  t.raises("unknown field 'arg'", ipc.spawn, { file = 'echo', arg = {} })
end)

t.test('spawn: a program that is not there is an error at once', function()
  t.raises("execute 'no-such-program'", ipc.spawn, { file = 'no-such-program' })
  t.raises("execute '/no/such/program': No such file", ipc.spawn, { file = '/no/such/program' })
end)

t.test('spawn: numbers in the list of arguments stay numbers for the caller', function()
  local args = { 1, 2.5 }
  ipc.spawn({ file = 'true', args = args }):wait()
  t.equal(args[1], 1)
  t.equal(args[2], 2.5)
end)

t.test('spawn: writing to a program that has ended is an error, and no SIGPIPE', function()
  local p = shell 'exec 0<&-; echo closed; exec sleep 100'
  t.equal(p:stdout(), 'closed')
  t.raises('it reads no more', p.stdin, p, 'x')
  p:wait('KILL')
end)

t.test('spawn: a second program does not hold the input of the first one open', function()
  local first = ipc.spawn { file = 'cat' }
  local second = ipc.spawn { file = 'cat' }
  first:stdin()
  t.equal(first:stdout('*a'), nil)
  t.equal(first:wait(), 0)
  t.equal(second:wait(), 0)
end)

t.test('spawn: the end of a scope ends the program, without a word', function()
  local output = script.run [[
    local ipc = require 'ipc'
    local pid
    do
      local p <close> = ipc.spawn {file = 'sleep', args = {100}}
      pid = p:pid()
    end
    print(ipc.spawn({file = 'sh', args = {'-c', 'kill -0 ' .. pid .. ' 2>&1'}}):wait() ~= 0)
  ]]
  t.equal(output, 'true\n')
end)

t.test('spawn: one that nobody waits for is ended with a warning, even past TERM', function()
  local output, status = script.run [[
    local ipc = require 'ipc'
    local p = ipc.spawn {file = 'sh', args = {'-c', 'trap "" TERM; echo; exec sleep 100'}}
    p:stdout()
    local pid = p:pid()
    p = nil
    collectgarbage()
    print(ipc.spawn({file = 'sh', args = {'-c', 'kill -0 ' .. pid .. ' 2>&1'}}):wait() ~= 0)
  ]]
  assert(output:find('still runs and nobody waits for it', 1, true), output)
  assert(output:find('true\n', 1, true), output)
  t.equal(select(2, output:gsub('\n', '')), 2)
  t.equal(status, 0)
end)

t.test('spawn: torch sees a userdata of no class, which cannot be sent', function()
  local p <close> = ipc.spawn { file = 'cat' }
  t.equal(torch.type(p), 'userdata')
  t.raises('cannot be sent', ipc.marshal, p)
end)

t.done()
