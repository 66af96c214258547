-- SPDX-License-Identifier: Apache-2.0
-- Servers and clients in processes that know nothing of each other but a port and a key.
local ipc = require 'ipc'
local kit = require 'kit'
local parallel = require 'parallel'
local t = require 'tap'
local torch = require 'torch'

local expected <const> = { fastest = 'memory', memory = 'memory', socket = 'socket' }

-- A process that has connected as `client`, and runs `code`.
local function start_client(port, link, code, ...)
  return kit.start([[
    local ipc, torch = require 'ipc', require 'torch'
    local client = ipc.client(tonumber(arg[1]), { link = arg[2], timeout = 30 })
  ]] .. code, port, link, ...)
end

-- Raises unless the program ends well, having written `text`.
local function ends(program, text)
  t.equal(program:stdout '*a' or '', text)
  t.equal(program:wait(), 0)
end

t.test('processes: one that never requires torch can pass tensors and storages on', function()
  local server <close>, port = ipc.server()
  local program = kit.start([[
    local client = require 'ipc'.client(tonumber(arg[1]))
    client:send(client:recv())
    client:send { client:recv() }
  ]], port)
  kit.with(server, function(c)
    c:send(torch.range(1, 4))
    c:send(torch.FloatStorage { 7 })
    t.equal(c:recv():sum(), 10.0)
    t.equal(c:recv()[1][1], 7.0)
  end)
  t.equal(program:wait(), 0)
end)

t.test('processes: recvAsync waits for none that has stopped in the middle of a message', function()
  for _, count in ipairs { 8 << 20, 80 << 20 } do  -- the second one waits to be asked for
    local server <close>, port = ipc.server { link = 'socket' }
    local program = start_client(port, 'socket', [[
      client:send(ipc.getpid())
      client:send(torch.FloatTensor(tonumber(arg[3])):fill(1))
      client:recv()
    ]], count)
    kit.with(server, function(c)
      local pid = c:recv()
      t.equal(#server:poll(30), 1)
      os.execute('kill -STOP ' .. pid)
      for _ = 1, 50 do t.equal(select('#', c:recvAsync()), 0) end
      os.execute('kill -CONT ' .. pid)
      local value
      repeat value = c:recvAsync() until value
      t.equal(value:nElement(), count)
      t.equal(value[count], 1.0)
      c:send 'bye'
    end)
    ends(program, '')
  end
end)

for _, link in ipairs(kit.links) do
  t.test(('processes: values and tensors go to and fro (%s)'):format(link), function()
    local server <close>, port = ipc.server { link = link }
    local program = start_client(port, link, [[
      print((client:link()))
      client:send { 'text', torch.ones(1000) }
      client:send(torch.range(1, 1000000))
      print(client:recv(torch.FloatTensor(10)):sum())
      client:send(function(x) return x * 2 end)
    ]])
    kit.with(server, function(c)
      local value = c:recv()
      t.equal(value[1], 'text')
      t.equal(value[2]:sum(), 1000.0)
      t.equal(c:recv(torch.DoubleTensor(1000000)):sum(), 500000500000.0)
      c:send(torch.FloatTensor(10):fill(2))
      t.equal(c:recv()(21), 42)
      kit.failure('peer_lost', c.recv, c)
    end)
    ends(program, expected[link] .. '\n20.0\n')
  end)

  t.test(('processes: a peer that is killed ends waits and sends (%s)'):format(link), function()
    local server <close>, port = ipc.server { link = link }
    local program = start_client(port, link, [[
      client:send(ipc.getpid())
      client:recv()
    ]])
    kit.with(server, function(c)
      local pid = c:recv()
      local killer = kit.start("os.execute('sleep 0.2; kill -9 ' .. arg[1])", pid)
      local problem = kit.failure('peer_lost', c.recv, c)
      t.raises('remote peer disconnected', error, problem)
      kit.failure('peer_lost', c.send, c, 1)
      killer:wait()
    end)
    program:wait()
    t.raises('no client is connected', error, kit.failure('peer_lost', server.recvAny, server))
  end)

  t.test(('processes: one that is killed in a large message (%s)'):format(link), function()
    local server <close>, port = ipc.server { link = link }
    local program = start_client(port, link, [[
      client:send(ipc.getpid())
      for i = 1, 100 do client:send(torch.ByteTensor(32 << 20)) end
    ]])
    kit.with(server, function(c)
      local pid = c:recv()
      local into = torch.ByteTensor(32 << 20)
      c:recv(into)
      os.execute('kill -9 ' .. pid)
      kit.failure('peer_lost', function() for _ = 1, 100 do c:recv(into) end end)
    end)
    program:wait()
  end)

  t.test(('processes: one that is stopped runs into the timeout (%s)'):format(link), function()
    local server <close>, port = ipc.server { link = link }
    local program = start_client(port, link, [[
      client:send(ipc.getpid())
      client:send(client:recv())
    ]])
    kit.with(server, function(c)
      local pid = c:recv()
      os.execute('kill -STOP ' .. pid)
      c:send 'go on'
      kit.failure('timeout', c.recv, c, { timeout = 0.2 })
      os.execute('kill -CONT ' .. pid)
      t.equal(c:recv { timeout = 30 }, 'go on')
    end)
    ends(program, '')
  end)

  t.test(('processes: recvAny passes over those that end (%s)'):format(link), function()
    local server <close>, port = ipc.server { link = link }
    local programs = {}
    for i = 1, 3 do
      programs[i] = start_client(port, link, [[
        client:send 'here'
        local order = client:recv()
        if order == 'die' then os.execute('kill -9 ' .. ipc.getpid()) end
        client:send(order)
      ]])
    end
    server:clients(3, function(c) t.equal(c:recv(), 'here') end)
    local number = 0
    server:clients(function(c)
      number = number + 1
      c:send(number == 2 and 'die' or 'answer')
    end)
    t.equal(server:recvAny(), 'answer')
    t.equal(server:recvAny(), 'answer')
    kit.failure('peer_lost', server.recvAny, server)
    for i = 1, 3 do programs[i]:wait() end
  end)
end

t.test('processes: a client starts two seconds before its server', function()
  local server, port = ipc.server()
  server:close()
  local program = start_client(port, 'fastest', "client:send 'early'")
  require 'sys'.sleep(2)
  local late <close> = ipc.server('127.0.0.1', port)
  kit.with(late, function(c) t.equal(c:recv(), 'early') end)
  ends(program, '')
end)

t.test('processes: children of parallel find the key by themselves', function()
  local server <close>, port = ipc.server()
  local child = parallel.run(function()
    local ipc = require 'ipc'
    local at = parallel.parent:receive()
    local client <close> = ipc.client(at)
    client:send((client:link()))
    client:recv()
  end)
  child:send(port)
  kit.with(server, function(c)
    t.equal(c:recv(), 'memory')
    c:send 'end'
  end)
  child:sync()
end)

t.test('processes: a stranger\'s bytes are not looked at, others are served meanwhile', function()
  local server <close>, port = ipc.server()
  local bytes = string.dump(function() error 'was run' end):gsub('.', function(byte)
    return ('\\x%02x'):format(byte:byte())
  end)
  local stranger = ipc.spawn { file = 'bash', args = { '-c', ([[
    exec 3<>/dev/tcp/127.0.0.1/%d
    printf '%s' >&3
    cat <&3 >/dev/null
    exec 4<>/dev/tcp/127.0.0.1/%d
    read -r
  ]]):format(port, bytes, port) } }
  local program = start_client(port, 'fastest', "client:send 'friend'")
  kit.with(server, function(c) t.equal(c:recv(), 'friend') end)
  ends(program, '')
  stranger:stdin '\n'
  t.equal(stranger:wait(), 0)
end)

t.test('processes: a child after fork leaves its parent\'s connections alone', function()
  local server <close>, client = kit.pair { link = 'socket' }
  kit.with(server, function() end)
  local pid = ipc.fork()
  if pid == 0 then
    local text = ': connections belong to the process that made them, which has forked this one'
    local function refuses(operation, ...)
      local message = kit.failure('usage', ...).message:gsub('^%S+:%d+: ', '')
      return message == operation .. text
    end
    local good = refuses('send', client.send, client, 'from the child')
      and refuses('recvAny', server.recvAny, server)
      and refuses('clients', server.clients, server, 1, print)
    os.exit(good and 0 or 1)
  end
  t.equal(ipc.waitpid(pid), 0)
  client:send 'from the parent'
  t.equal(server:recvAny(), 'from the parent')
end)

t.test('processes: a client with other link wishes than its server stays on the socket', function()
  local server <close>, port = ipc.server { link = 'socket' }
  local program = start_client(port, 'fastest', 'print((client:link())) client:send(1)')
  kit.with(server, function(c)
    t.equal(c:recv(), 1)
    t.equal(c:link(), 'socket')
  end)
  ends(program, 'socket\n')
end)

t.done()
