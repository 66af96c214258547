-- SPDX-License-Identifier: Apache-2.0
-- Children that end before their time: everybody who deals with them is told, at once.
local parallel = require 'parallel'
local script = require 'script'
local sys = require 'sys'
local t = require 'tap'

local calls <const> = {
  receive = function(child) child:receive() end,
  send = function(child) child:send(1) end,
  join = function(child) child:join() end,
  exec = function(child) child:exec('') end,
  noblock = function(child) child:receive('noblock') end,
  group = function(child) parallel.receive { child } end,
  any = function(child) parallel.receiveAny { child } end,
  sync = function(child) child:sync() end,
}

local function check_calls(make, pattern)
  for name, call in pairs(calls) do
    local child = make()
    while child:status() == 'running' do child:receive() end
    local good, problem = pcall(call, child)
    assert(not good, name .. ' did not raise')
    assert(tostring(problem):find(pattern), name .. ': ' .. tostring(problem))
    t.equal(problem.child, child.id, name)
    pcall(child.sync, child)
  end
  t.equal(parallel.nchildren, 0)
end

-- A child of whose end we know: it ends when we have heard that it is there.
local function ending(code)
  return function()
    local child = parallel.run('parallel.parent:send(1) ' .. code)
    child:receive()
    pcall(child.receive, child)
    return child
  end
end

t.test('ends: one that raised is told of with its traceback', function()
  check_calls(ending "error('the reason')",
    '^parallel: child %d+ failed: .*the reason\nstack traceback:')
end)

t.test('ends: one that was killed is told of with the signal', function()
  check_calls(function()
    local child = parallel.run 'parallel.parent:receive()'
    child:kill('KILL')
    pcall(child.receive, child)
    return child
  end, '^parallel: child %d+ %(pid %d+%) ended by signal 9 %(Killed%)')
end)

t.test('ends: one that exits keeps its status', function()
  check_calls(ending 'os.exit(7)', '^parallel: child %d+ %(pid %d+%) ended with exit status 7')
end)

t.test('ends: a program that is no interpreter of Lua is told of', function()
  local child = parallel.fork(nil, nil, 'false')
  t.raises('ended with exit status 1', child.receive, child)
  pcall(child.sync, child)
end)

t.test('ends: a thousand messages that were sent before are received first', function()
  local child = parallel.run [[
    for i = 1, 1000 do parallel.parent:send(i) end
    os.exit(3)
  ]]
  repeat until child:status() ~= 'running'
  for i = 1, 1000 do t.equal(child:receive(), i) end
  t.raises('exit status 3', child.receive, child)
  pcall(child.sync, child)
end)

t.test('ends: one that ended well has nothing more to say', function()
  local child = parallel.run 'parallel.parent:send(1)'
  t.equal(child:receive(), 1)
  t.raises('has ended', child.receive, child)
  t.equal(select('#', child:receive('noblock')), 0)
  child:join()
  child:sync()
end)

t.test('ends: what was sent can be received after sync', function()
  local child = parallel.run 'parallel.parent:send(11)'
  child:sync()
  t.equal(child:receive(), 11)
  t.raises('has ended', child.receive, child)
end)

t.test('ends: sync removes all of a group, and then raises what failed', function()
  local group = parallel.nfork(3)
  group[1]:exec ''
  group[2]:exec "error('second')"
  group[3]:exec "error('third')"
  local good, problem = pcall(group.sync, group)
  t.equal(good, false)
  assert(problem.message:find('second') and problem.message:find('third'), problem.message)
  t.equal(parallel.nchildren, 0)
end)

t.test('ends: status says how', function()
  local child = parallel.run 'parallel.parent:receive()'
  t.equal(child:status(), 'running')
  child:kill()
  pcall(child.receive, child)
  local status, how = child:status()
  t.equal(status, 'failed')
  t.equal(how.signal, 15)
  pcall(child.sync, child)
end)

t.test('ends: close ends children that listen to nothing', function()
  local child = parallel.run [[
    parallel.parent:send(1)
    while true do end
  ]]
  child:receive()
  parallel.close()
  t.equal(parallel.nchildren, 0)
  t.raises('signal 15', child.receive, child)
end)

t.test('ends: the end of a scope is that of its child', function()
  local held
  do
    local child <close> = parallel.run 'parallel.parent:receive()'
    held = child
  end
  t.equal(held:status(), 'failed')
  t.equal(parallel.nchildren, 0)
  do
    local _ <close> = parallel.nfork(2)
  end
  t.equal(parallel.nchildren, 0)
end)

t.test('ends: an error that nobody asked for is on standard error, once', function()
  local text, status = script.run [[
    local parallel = require 'parallel'
    local child = parallel.run("error('unheard')")
    repeat
      local file = io.open('/proc/' .. child.unixid .. '/stat')
      if file then file:close() end
    until file == nil
  ]]
  local _, count = text:gsub('child 1 failed: ', '')
  t.equal(count, 1, 'times that it was said')
  t.equal(status, 0)
end)

t.test('ends: an error that was raised is not said again', function()
  local text = script.run [[
    local parallel = require 'parallel'
    local child = parallel.run("error('heard')")
    pcall(child.receive, child)
  ]]
  t.equal(text, '')
  local _, count = script.run([[
    local parallel = require 'parallel'
    parallel.run("error('heard')"):join()
  ]]):gsub('child 1 failed: ', '')
  t.equal(count, 1)
end)

t.test('ends: children end with a parent that forgets them', function()
  local pid = script.run [[
    local parallel = require 'parallel'
    local child = parallel.run "parallel.parent:send(1) while true do end"
    child:receive()
    io.write(child.unixid)
  ]]
  t.equal(io.open('/proc/' .. pid .. '/stat'), nil)
end)

t.test('ends: children are gone within a second after their parent was killed', function()
  local output = script.run [[
    local parallel = require 'parallel'
    local child = parallel.run "parallel.parent:send(1) while true do end"
    child:receive()
    print(child.unixid)
    io.stdout:flush()
    local self = io.open('/proc/self/stat'):read('n')
    os.execute('kill -9 ' .. self)
  ]]
  local pid = output:match('%d+')
  sys.tic()
  repeat
    local file = io.open('/proc/' .. pid .. '/stat')
    if file then file:close() end
    assert(sys.toc() < 1, 'process ' .. pid .. ' is there still')
  until file == nil
end)

t.test('ends: signals are known by number and name, and no others', function()
  local child = parallel.run 'parallel.parent:receive()'
  for _, signal in ipairs { 0, -9, 1000, 'NONE', 1.5 } do
    t.raises('there is no signal ' .. signal, child.kill, child, signal)
  end
  child:kill('sigpipe')
  t.raises('signal 13', child.receive, child)
  pcall(child.sync, child)
end)

t.done()
