-- SPDX-License-Identifier: Apache-2.0
-- Children on other hosts, all of which are this one: what is to start an agent there starts it
-- here. tests/cluster/forks.sh does the same with ssh, on hosts that fail.
local parallel = require 'parallel'
local script = require 'script'
local torch = require 'torch'
local t = require 'tap'

-- Where others are to reach this process: an address of this host that is not the default.
parallel.ip = '127.0.0.2'

local function here(_, command) return { 'sh', '-c', command } end

local function refusal(...)
  local good, problem = pcall(parallel.fork, ...)
  assert(not good, 'it was started')
  return problem
end

t.test('far: a child is as one of this host, and knows the name of its own', function()
  local child = parallel.fork('node07', here, nil, 'a', 2)
  t.equal(tostring(child):match('^child %d+ on node07'), 'child ' .. child.id .. ' on node07')
  t.equal(child.ip, 'node07')
  child:exec(function(...)
    local parallel = require 'parallel'  -- luacheck: ignore
    parallel.parent:send { parallel.id, parallel.parent.id, parallel.ip, ... }
  end)
  local got = child:receive()
  t.equal(table.concat(got, ' '), child.id .. ' 0 node07 a 2')
  child:sync()
  t.equal(parallel.nchildren, 0)
end)

t.test('far: arguments of a megabyte arrive as they are, whatever is in them', function()
  local text = ([['"\`$(kill $$)%s%n!*;&|<>]] .. '\0\n\r\27\xff'):rep(40000)
  local child = parallel.fork('node07', here, nil, text, { [1.5] = text })
  child:exec [[
    local text, list = ...
    parallel.parent:send { text, list[1.5] == text, #parallel.args }
  ]]
  local got = child:receive()
  assert(got[1] == text and got[2])
  t.equal(got[3], 2)
  child:sync()
end)

t.test('far: values of all kinds come back as they went, large ones too', function()
  local child = parallel.fork('node07', here)
  child:exec [[
    while true do
      local value = parallel.parent:receive()
      if value == 'stop' then return end
      parallel.parent:send(value)
    end
  ]]
  local tensor = torch.range(1, 3000000)
  child:send { tensor, tensor, name = 'x', deep = { { {} } } }
  local got = child:receive()
  t.equal(got.name, 'x')
  t.equal(got[1]:sum(), tensor:sum())
  child:send(nil)
  t.equal(child:receive(), nil)
  for i = 1, 300 do child:send(i) end
  for i = 1, 300 do assert(child:receive() == i) end
  child:send 'stop'
  child:sync()
end)

t.test('far: join and yield pass what waits to be received', function()
  local child = parallel.fork('node07', here)
  child:exec [[
    local first = parallel.yield()
    parallel.parent:send { first, parallel.parent:receive():size(1), parallel.yield() }
  ]]
  child:send(torch.Tensor(20000000))  -- 160 MB: more than is on its way at once
  child:join 'begin'
  child:join 'end'
  local got = child:receive()
  t.equal(got[1], 'begin')
  t.equal(got[2], 20000000)
  t.equal(got[3], 'end')
  child:sync()
end)

t.test('far: what a child sent before its end is received after it', function()
  local child = parallel.fork('node07', here)
  child:exec [[
    for i = 1, 100 do parallel.parent:send(i) end
    parallel.parent:send(('x'):rep(5000000))
  ]]
  child:sync()
  for i = 1, 100 do t.equal(child:receive(), i) end
  t.equal(#child:receive(), 5000000)
end)

t.test('far: an error of a child is raised here, with its text and traceback', function()
  local child = parallel.fork('node07', here)
  child:exec "local function deep() error('broken here') end deep()"
  local good, problem = pcall(child.sync, child)
  t.equal(good, false)
  t.equal(problem.code, 'child_failed')
  t.equal(problem.child, child.id)
  assert(problem.message:find('on node07 failed: .*broken here.*traceback'), problem.message)
end)

t.test('far: exit statuses and signals are those of the child', function()
  local child = parallel.fork('node07', here)
  child:exec 'os.exit(7)'
  local good, problem = pcall(child.sync, child)
  t.equal(good, false)
  t.equal(problem.status, 7)
  for _, signal in ipairs { 'TERM', 'USR1', 'KILL' } do
    child = parallel.fork('node07', here)
    child:exec 'parallel.parent:receive()'
    child:kill(signal)
    good, problem = pcall(child.sync, child)
    t.equal(good, false)
    t.equal(problem.signal, ({ TERM = 15, USR1 = 10, KILL = 9 })[signal])
  end
end)

t.test('far: what children write comes out here', function()
  local out = script.run [==[
    local parallel = require 'parallel'
    parallel.ip = '127.0.0.2'
    local child = parallel.fork('node07', function(_, command) return { 'sh', '-c', command } end)
    child:exec [=[io.write('to ', 'out') io.stderr:write('to err\n')]=]
    child:sync()
  ]==]
  assert(out:find('to out', 1, true) and out:find('to err\n', 1, true), out)
end)

t.test('far: a child that cannot be started is an error that names the host', function()
  local problem = refusal('node07', here, '/no/such/lua')
  t.equal(problem.code, 'system')
  t.equal(problem.host, 'node07')
  assert(problem.message:find('host node07: .*/no/such/lua'), problem.message)
  problem = refusal('node07', 'false')
  assert(problem.message:find('host node07: .*exit status 1'), problem.message)
  problem = refusal('node07', '/no/such/ssh -x')
  assert(problem.message:find('host node07: .*/no/such/ssh'), problem.message)
  problem = refusal('node07', "ssh 'x")
  assert(problem.message:find('a quote .* does not end'), problem.message)
  t.equal(parallel.nchildren, 0)
end)

t.test('far: an address at which nobody could reach this process is an error', function()
  parallel.ip = '127.0.0.1'
  local good, problem = pcall(refusal, 'node07', here)
  parallel.ip = '127.0.0.2'
  assert(good, problem)
  assert(problem.message:find('parallel.autoip()', 1, true), problem.message)
end)

t.test('far: hosts, protocols and what these give are checked', function()
  t.raises("a host is a name or an address, and this is '-x'", parallel.fork, '-x')
  t.raises('a host is a name or an address, and this is a number', parallel.fork, 7)
  t.raises('a protocol is a command or a function', parallel.fork, 'node07', 7)
  t.raises('gave a string', parallel.fork, 'node07', function() return 'ssh' end)
  t.raises('word 2 that the protocol gave is a number', parallel.fork, 'node07',
    function() return { 'ssh', 7 } end)
  t.equal(parallel.nchildren, 0)
end)

t.test('far: a command that is not ssh gets the host, and a line to run there', function()
  local path = os.tmpname()
  local file = assert(io.open(path, 'w'))
  file:write('#!/bin/sh\n[ "$1" = -o ] && [ "$2" = "a b" ] && [ "$3" = node07 ] && eval "$4"\n')
  file:close()
  assert(os.execute('chmod +x ' .. path))
  local child = parallel.fork('node07', path .. " -o 'a b'")
  child:exec 'parallel.parent:send(parallel.ip)'
  t.equal(child:receive(), 'node07')
  child:sync()
  os.remove(path)
end)

t.test('far: children are dealt out to remotes, and those get their cores back', function()
  parallel.addremote({ ip = 'a', cores = 2, protocol = here },
    { ip = 'b', cores = 4, protocol = here })
  local children = parallel.sfork(4)
  local ips = {}
  for i, child in ipairs(children) do ips[i] = child.ip end
  t.equal(table.concat(ips), 'abab')
  t.equal(parallel.remotes.cores, 2)
  children:exec ''
  children:sync()
  t.equal(parallel.remotes.cores, 6)
end)

t.test('far: when one of a group cannot be started, none is left', function()
  t.raises('/no/such/lua', parallel.nfork, { 2, ip = 'node07', protocol = here },
    { 1, ip = 'node07', protocol = here, lua = '/no/such/lua' })
  t.equal(parallel.nchildren, 0)
end)

t.test('far: close ends children at once', function()
  local children = parallel.nfork { 2, ip = 'node07', protocol = here }
  children:exec "require('sys').sleep(100)"
  parallel.close()
  t.equal(parallel.nchildren, 0)
end)

t.done()
