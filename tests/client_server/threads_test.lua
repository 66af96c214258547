-- SPDX-License-Identifier: Apache-2.0
-- Servers and clients in threads of ipc.map, which share one process.
local ipc = require 'ipc'
local kit = require 'kit'
local t = require 'tap'
local torch = require 'torch'

for _, link in ipairs(kit.links) do
  t.test(('threads: clients of several threads and their server (%s)'):format(link), function()
    local server <close>, port = ipc.server { link = link }
    local map = ipc.map(4, function(at, by, id)
      local client <close> = require 'ipc'.client(at, { link = by })
      client:send { id = id, tensor = require 'torch'.ones(1000):fill(id) }
      local got = client:recv(require 'torch'.DoubleTensor(1000))
      return got:sum()
    end, port, link)
    local sum = 0
    server:clients(4, function(c)
      local message = c:recv()
      c:id(message.id)
      sum = sum + message.tensor:sum()
    end)
    t.equal(sum, 10000.0)
    server:clients(function(c) c:send(torch.ones(1000):fill(c:id())) end)
    t.equal(table.concat({ map:join() }, ' '), '1000.0 2000.0 3000.0 4000.0')
  end)
end

t.test('threads: who comes in the moment in which a server begins to wait is counted', function()
  local server <close>, port = ipc.server { link = 'socket' }
  local map = ipc.map(1, function(at)
    local ipc = require 'ipc'
    local clients = { ipc.client(at, { link = 'socket' }) }
    while clients[1]:recv() do
      clients[#clients + 1] = ipc.client(at, { link = 'socket' })
    end
  end, port)
  server:clients(1, function(c) c:tag 'first' end, { timeout = 30 })
  local clock = require 'sys'.clock
  local function nothing() end
  for count = 2, 500 do
    server:broadcast(true, 'first')
    -- Before it is there, and after it.
    local begin = clock() + count % 40 * 5e-6
    repeat server:clients(nothing) until clock() >= begin
    t.equal(server:clients(count, nothing, { timeout = 20 }), count)
    t.equal(clock() - begin < 10, true, 'noticed at once')
  end
  server:broadcast(false, 'first')
  map:join()
end)

t.test('threads: a client waits for a server that comes later', function()
  local server, port = ipc.server()
  server:close()
  local map = ipc.map(1, function(at)
    local client <close> = require 'ipc'.client('127.0.0.1', at)
    client:send 'early'
  end, port)
  require 'sys'.sleep(0.6)
  local late <close> = ipc.server('127.0.0.1', port)
  kit.with(late, function(c) t.equal(c:recv(), 'early') end)
  map:join()
end)

t.test('threads: a client is returned from a thread, and goes to one', function()
  local server <close>, port = ipc.server()
  local client <close> = ipc.map(1, function(at) return require 'ipc'.client(at) end, port):join()
  client:send 'from main'
  ipc.map(1, function(given) given:send 'from a thread' end, client):join()
  kit.with(server, function(c)
    t.equal(c:recv(), 'from main')
    t.equal(c:recv(), 'from a thread')
  end)
  local channel = ipc.channel()
  channel:write(client)
  local _, same = channel:read()
  t.equal(same, client)
end)

t.test('threads: a server is used by another thread', function()
  local server <close>, client = kit.pair()
  client:send(3)
  local map = ipc.map(1, function(given)
    local message, c = given:recvAny()
    c:send(message + 1)
  end, server)
  t.equal(client:recv(), 4)
  map:join()
end)

t.test('threads: a client that is in use by another thread is an error', function()
  local server <close>, client = kit.pair()
  local ready = ipc.channel()
  local map = ipc.map(1, function(given, channel)
    channel:write(1)
    local good, got
    repeat good, got = pcall(given.recv, given) until good or got.code ~= 'usage'
    return got
  end, client, ready)
  ready:read()
  local good, problem
  repeat
    good, problem = pcall(client.recv, client, { timeout = 0.01 })
  until problem.code ~= 'timeout'
  assert(not good)
  t.equal(problem.code, 'usage')
  server:broadcast 'x'
  t.equal(map:join(), 'x')
end)

t.test('threads: closing a client ends the wait of another thread', function()
  for _, link in ipairs(kit.links) do
    local server <close>, client = kit.pair { link = link }
    local ready = ipc.channel()
    local map = ipc.map(1, function(given, channel)
      channel:write(1)
      local _, problem = pcall(given.recv, given)
      return tostring(problem)
    end, client, ready)
    ready:read()
    require 'sys'.sleep(0.05)
    client:close()
    t.raises('recv: the client is closed', error, map:join())
  end
end)

t.test('threads: the end of the program ends their waits', function()
  for _, call in ipairs { 'client:recv()', 'server:recvAny()',
                          'server:clients(5, print)' } do
    local program = kit.start([[
      local ipc = require 'ipc'
      local server, port = ipc.server()
      local client = ipc.client(port)
      local ready = ipc.channel()
      local map = ipc.map(1, function(server, client, ready)
        ready:write(1)
        ]] .. call .. [[
      end, server, client, ready)
      ready:read()
      require 'sys'.sleep(0.05)
      print(os.clock() < 5)
    ]])
    local begin = ipc.clock()
    t.equal(program:stdout '*a', 'true\n')
    t.equal(program:wait(), 0)
    assert(ipc.clock() - begin < 5, call)
  end
end)

t.test('threads: 200 clients, and recvAny serves them by turns', function()
  local server <close>, port = ipc.server()
  local map = ipc.map(4, function(at)
    local ipc = require 'ipc'
    local clients = {}
    for i = 1, 50 do clients[i] = ipc.client(at) end
    for round = 1, 3 do
      for i = 1, 50 do clients[i]:send(round) end
    end
    for i = 1, 50 do clients[i]:recv() end
  end, port)
  t.equal(server:clients(200, function() end), 200)
  server:clients(function(c) t.equal(c:recv(), 1) end)
  local count = 0
  for _ = 1, 400 do
    local message, c = server:recvAny()
    c:id(c:id() + 1)
    count = count + message
    if count == 5 * 200 then break end
  end
  t.equal(count, 5 * 200)
  t.equal(server:broadcast 'done', 200)
  map:join()
end)

t.test('threads: who comes while recvAny or poll waits is heard', function()
  for _, link in ipairs { 'fastest', 'memory', 'socket' } do
    local server <close>, port = ipc.server()
    local map = ipc.map(1, function(at, how, waiter)
      local ipc = require 'ipc'
      local first <close> = ipc.client(at, { link = how })
      local begin = ipc.clock()
      repeat
        assert(ipc.clock() - begin < 10, 'it does not wait')
        local status <close> = assert(io.open('/proc/self/task/' .. waiter .. '/status'))
      until status:read 'a':find '\nState:%s*S'
      local second <close> = ipc.client(at, { link = how })
      second:send 'second'
      second:recv()
      first:send 'first'
      first:recv()
    end, port, link, ipc.gettid())
    local message, client = server:recvAny { timeout = 30 }
    t.equal(message, 'second')
    client:send 'heard'
    local ready = server:poll(30)
    t.equal(#ready, 1)
    t.equal(ready[1]:recv(), 'first')
    ready[1]:send 'heard'
    map:join()
  end
end)

t.test('threads: a client may be sent to while recvAny waits for it', function()
  local server <close>, port = ipc.server()
  local client <close> = ipc.client(port)
  server:clients(1, function() end)
  local map = ipc.map(1, function(given) return (given:recvAny { timeout = 30 }) end, server)
  for i = 1, 100 do
    server:broadcast(i)
    t.equal(client:recv(), i)
  end
  client:send 'at last'
  t.equal(map:join(), 'at last')
end)

t.test('threads: recvAny does not stay with one that always has a message', function()
  local server <close>, port = ipc.server()
  local busy <close>, quiet = ipc.client(port), ipc.client(port)
  server:clients(2, function() end)
  for _ = 1, 20 do busy:send 'busy' end
  quiet:send 'quiet'
  local seen = {}
  for _ = 1, 3 do seen[#seen + 1] = server:recvAny() end
  assert(table.concat(seen, ' '):find 'quiet', table.concat(seen, ' '))
end)

t.test('threads: a server whose clients another thread closes meanwhile still answers', function()
  local server <close>, port = ipc.server()
  local map = ipc.map(1, function(given)
    local turns = 0
    repeat
      local ok, why = pcall(given.poll, given, 0.01)
      turns = turns + 1
    until not ok and tostring(why):find 'server is closed'
    return turns
  end, server)
  local function nothing() end
  for _ = 1, 20 do
    local row = {}
    for i = 1, 10 do row[i] = ipc.client(port) end
    server:clients(10, nothing, { timeout = 30 })
    for i = 1, 10 do row[i]:send(i) end
    server:clients(function(client)
      client:close()
      server:clients(nothing)
    end)
    for i = 1, 10 do row[i]:close() end
  end
  server:close()
  assert(map:join() > 0)
end)

t.done()
