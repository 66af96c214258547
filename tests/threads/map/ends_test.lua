-- SPDX-License-Identifier: Apache-2.0
-- ipc.map: dropped maps, and how programs end while threads do something.
local t = require 'tap'
local ipc = require 'ipc'
local own_process = require 'own_process'
local run = require('interpreter').run

t.test('map: a thousand dropped maps leave no threads, no descriptors and no memory', function()
  local function drop(count)
    for i = 1, count do
      ipc.map(1, function() return ('x'):rep(10000) end)
      if i % 20 == 0 then collectgarbage() end
    end
    collectgarbage()
    own_process.await_threads(1)
  end
  drop(100)
  local memory, files = own_process.resident_kib(), own_process.descriptors()
  drop(1000)
  t.equal(own_process.descriptors(), files)
  local now = own_process.resident_kib()
  assert(now < memory + 5000, ('%d KiB, then %d'):format(memory, now))
end)

t.test('map: threads of a dropped map go on', function()
  local channel = ipc.channel()
  ipc.map(1, function(c)
    local _, item = c:read()
    c:write(item + 1)
    c:close()
  end, channel)
  collectgarbage() collectgarbage()
  channel:write(1)
  own_process.await_threads(1)
  t.equal(select(2, channel:read()), 2)
end)

t.test('map: an error that nobody joined is printed when the map is collected', function()
  local text = run [[
    local map = ipc.map(1, function() error('lost\nin lines') end)
    while true do
      local file <close> = io.open '/proc/self/status'
      if file:read('a'):find 'Threads:%s*1\n' then break end
    end
    map = nil
    collectgarbage()
    print 'end'
  ]]
  assert(text:find('^ipc.map: thread 1 failed, and nobody joined it: [^\n]*lost\nend\n$'), text)
end)

t.test('map: an error after the map was collected is printed by its thread', function()
  local text = run [[
    local channel = ipc.channel()
    ipc.map(1, function(c) c:read() error 'later' end, channel)
    collectgarbage() collectgarbage()
    channel:write(1)
    while true do
      local file <close> = io.open '/proc/self/status'
      if file:read('a'):find 'Threads:%s*1\n' then break end
    end
    print 'end'
  ]]
  assert(text:find('^ipc.map: thread 1 failed, and nobody joined it: [^\n]*later\nend\n$'), text)
end)

t.test('map: an error from before the end of the program is printed when nobody joined', function()
  local text = run [[
    local channel = ipc.channel()
    map = ipc.map(1, function(channel)
      kept = setmetatable({}, { __gc = function() channel:close() end })  -- till the state ends
      error 'unseen'
    end, channel)
    channel:read()
  ]]
  assert(text:find('^ipc.map: thread 1 failed, and nobody joined it: [^\n]*unseen\n$'), text)
end)

t.test('map: an error that join or checkErrors told is not printed', function()
  local text = run [[
    local map = ipc.map(2, function() error 'told' end)
    pcall(map.join, map)
    map = nil
    collectgarbage()
    map = ipc.map(1, function() error 'told' end)
    while pcall(map.checkErrors, map) do end
    map = nil
    collectgarbage()
  ]]
  t.equal(text, '')
end)

-- Programs that end while threads do something; `what` runs in a thread once it has said so.
local kinds = {
  ['wait for a channel'] = 'c:read()',
  ['wait for a channel again and again'] = 'while true do pcall(c.read, c) end',
  ['wait for threads of theirs'] = "ipc.map(1, function(c) c:read() end, c):join()",
  ['compute'] = 'while true do end',
  ['allocate'] = 'while true do local list = {} for i = 1, 1000 do list[i] = {} end end',
  ['multiply'] = "local m = require 'torch'.randn(200, 200) while true do m:mm(m, m):fill(1) end",
  ['are in a call of the system'] = "os.execute 'exec sleep 2 2> /dev/null > /dev/null'",
  ['start threads'] = 'while true do ipc.map(3, function() end) end',
  ['have ended'] = '',
}
local endings = {
  ['the script ends'] = { '', '^$', 'exit', 0 },
  ['os.exit() is called'] = { 'os.exit(3)', '^$', 'exit', 3 },
  ['os.exit() closes the state'] = { 'os.exit(4, true)', '^$', 'exit', 4 },
  ['an error is not caught'] = { "error 'uncaught'", 'uncaught', 'exit', 1 },
}
for kind, code in pairs(kinds) do
  for ending, expected in pairs(endings) do
    t.test(('map: %s while threads %s'):format(ending, kind), function()
      local text, _, how, status = run(([[
        local ready, never = ipc.channel(), ipc.channel()
        local map = ipc.map(2, function(c, ready)
          local ipc = require 'ipc'
          ready:write(1)
          %s
        end, never, ready)
        ready:read() ready:read()
        %s
      ]]):format(code, expected[1]))
      assert(text:find(expected[2]), text)
      t.equal(how, expected[3], text) t.equal(status, expected[4])
    end)
  end
end

t.test('map: waits end with an error when the program ends, and nothing can be started', function()
  local text = run [[
    local function say(c, ready, id)
      local ipc = require 'ipc'
      kept = setmetatable({}, { __gc = function()
        io.stdout:write(select(2, pcall(ipc.map, 1, print)), '\n')
        io.stdout:flush()
      end })
      ready:write(1)
      local good, failure = pcall(c.read, c)
      io.stdout:write(failure.code, ' ', tostring(failure), '\n')
      io.stdout:flush()
    end
    local ready, never = ipc.channel(), ipc.channel()
    local map = ipc.map(1, say, never, ready)
    ready:read()
    os.exit(true, true)
  ]]
  t.equal(text, 'peer_lost read: the program that this thread belongs to is ending\n'
    .. 'ipc.map: the program that this thread belongs to is ending\n')
end)

t.test('map: a finaliser of the first state that would wait at its end hears of that', function()
  local text = run [[
    local ipc = require 'ipc'
    local c = ipc.channel()
    kept = setmetatable({}, { __gc = function()
      io.stdout:write(tostring(select(2, pcall(c.read, c))), '\n')
    end })
    ipc.map(1, function(c) c:read() end, c)
  ]]
  t.equal(text, 'read: the program that this thread belongs to is ending\n')
end)

t.test('map: a thread may end the process', function()
  for _, call in ipairs { 'os.exit(5)', 'os.exit(5, true)' } do
    local text, _, how, status = run(([[
      local map = ipc.map(2, function(id) if id == 2 then %s end while true do end end)
      map:join()
    ]]):format(call))
    t.equal(text, '') t.equal(how, 'exit') t.equal(status, 5)
  end
end)

t.test('map: a signal goes to the thread that the program began with', function()
  local text = run [[
    local ready = ipc.channel()
    local map = ipc.map(3, function(c) c:write(1) while true do end end, ready)
    for _ = 1, 3 do ready:read() end
    io.popen('kill -INT $PPID'):close()
    local file <close> = io.open '/proc/thread-self/status'
    print(file:read('a'):match 'SigPnd:%s*(%x+)', 'after the signal')
    os.exit(0)
  ]]
  assert(text:find 'interrupted!' or not text:find 'after the signal', text)
end)

t.test('map: when not all threads can be started none runs, and those that were end', function()
  local text = run([[
    local good, message = pcall(ipc.map, 20000, function() io.stdout:write 'ran' end)
    print(good, (message:gsub('%d+', 'N')))
    require 'own_process'.await_threads(1)
    print(ipc.map(2, function(id) return id end):join())
  ]], 'ulimit -v 4000000;')
  assert(text:find('^false\tipc.map: start thread N of N[^\n]*\n1\t2\n$'), text)
end)

t.done()
