-- SPDX-License-Identifier: Apache-2.0
-- ipc.server and ipc.client: what each call gives, and what it refuses.
local ipc = require 'ipc'
local kit = require 'kit'
local t = require 'tap'

t.test('server: it gives its port, an integer, and another each time', function()
  local a <close>, first = ipc.server()
  local b <close>, second = ipc.server('127.0.0.1')
  assert(math.type(first) == 'integer' and math.type(second) == 'integer' and first ~= second)
  t.equal(tostring(a), ('ipc.server (127.0.0.1:%d, 0 clients)'):format(first))
end)

t.test('server: ports may be floats, as math.pow gives them, and text', function()
  local server <close>, port = ipc.server('127.0.0.1', 0.0)
  local client <close> = ipc.client('127.0.0.1', port + 0.0)
  local other <close> = ipc.client('localhost', tostring(port))
  t.equal(server:clients(2.0, function() end), 2)
  t.raises('number has no integer representation', ipc.client, 1.5)
end)

t.test('server: it listens at IPv6 and at Unix sockets, too', function()
  local server <close>, port = ipc.server('::1')
  local client <close> = ipc.client('::1', port)
  client:send(6)
  t.equal(server:recvAny(), 6)
  t.equal(client:address(), '::1')
  local path = os.tmpname()
  os.remove(path)
  local at_path <close>, nothing = ipc.server('unix:' .. path)
  t.equal(nothing, nil)
  local by_path <close> = ipc.client('unix:' .. path)
  by_path:send('path')
  t.equal(at_path:recvAny(), 'path')
  t.equal(at_path:address(), 'unix:' .. path)
end)

t.test('server: the file of a Unix socket goes with it, unless another is in its place', function()
  local path = os.tmpname()
  os.remove(path)
  local server = ipc.server('unix:' .. path)
  server:close()
  server = ipc.server('unix:' .. path)  -- the name is free again
  os.remove(path)
  io.open(path, 'w'):close()
  server:close()
  t.equal(os.remove(path), true)
end)

t.test('server: its address is what a client takes', function()
  local server <close> = ipc.server()
  local client <close> = ipc.client(server:address())
  t.equal(server:clients(1, function() end), 1)
  t.equal(client:address(), '127.0.0.1')
end)

t.test('server and client: arguments that make no sense are refused', function()
  t.raises('a port is an integer from 1 to 65535', ipc.client, 0)
  t.raises('a port is an integer from 0 to 65535', ipc.server, '127.0.0.1', 65536)
  t.raises('a port, or a host and a port expected', ipc.client)
  t.raises('a port, or a host and a port expected', ipc.client, {})
  t.raises('a host and a port expected', ipc.server, true)
  t.raises('a table of options expected', ipc.client, 'localhost', 1, 2)
  t.raises("(a table of options expected, got number)", ipc.client, 1, 2)
  t.raises('a Unix socket has no port', ipc.client, 'unix:/x', 1)
  local server <close>, client = kit.pair()
  for call, arguments in pairs { recv = { { timeout = 0 }, 1 }, recvAsync = { 1 },
    send = { 1, { timeout = 0 }, 2 } } do
    t.raises('nothing is expected there', client[call], client, table.unpack(arguments))
  end
  t.raises("unknown option 'timeout' (there are: encrypt, key, key_file, link)", ipc.server,
    { timeout = 1 })
  t.raises("unknown option 'x' (there are: encrypt, key, key_file, link, timeout)", ipc.client, 1,
    { x = 1 })
  t.raises("no such link: 'tcp' (there are: fastest, memory, socket)", ipc.server, { link = 'tcp' })
  t.raises('key and key_file cannot both be given', ipc.server, { key = 'x', key_file = 'y' })
  t.raises('encrypt must be true or false', ipc.server, { encrypt = 1 })
  t.raises('the timeout must be a number of seconds, 0 or more', ipc.client, 1, { timeout = -1 })
  t.raises('the option key: a key of 5 bytes', ipc.server, { key = 'short' })
  t.raises('which host?', ipc.server, '')
  t.raises('0.0.0.0', ipc.server, '*', 0)
  t.raises('which host?', ipc.client, '', 80)
  t.raises('zeros', ipc.server, '127.0.0.1\0x', 0)
end)

t.test('server: calls refuse arguments that make no sense', function()
  local server <close>, client = kit.pair()
  t.raises("unknown option 'x' (there is: timeout)", client.recv, client, { x = 1 })
  t.raises('a number of clients, 0 or more', server.clients, server, -1, print)
  t.raises('function expected', server.clients, server, 1)
  t.raises('a tensor, a storage or a table of options', client.recv, client, 'text')
  t.raises('value expected', client.send, client)
  t.raises('the timeout must be a number', server.poll, server, -1)
end)

t.test('server: clients() calls by id, and those with equal ids in order of arrival', function()
  local server <close>, port = ipc.server()
  local clients = {}
  for i = 1, 5 do
    clients[i] = ipc.client(port)
    server:clients(i, function() end)
    clients[i]:send(i)
  end
  local ids, seen = { 3, 1, 1, 0, 2 }, {}
  server:clients(function(c) c:id(ids[c:recv()]) end)
  for i = 1, 5 do clients[i]:send(i) end
  t.equal(server:clients(5, function(c) seen[#seen + 1] = c:recv() end), 5)
  t.equal(table.concat(seen, ' '), '4 2 3 5 1')
  for i = 1, 5 do clients[i]:send(i) end
  seen = {}
  t.equal(server:clients(function(c) seen[#seen + 1] = c:recv() end, nil, 1), 5)
  t.equal(table.concat(seen, ' '), '1 5 3 2 4')
  seen = {}
  server:clients(function(c) seen[#seen + 1] = c:id() end, nil, 0)
  t.equal(table.concat(seen, ' '), '0 1 1 2 3')
end)

t.test('server: with n that are there already it waits for nobody, and calls for all', function()
  local server <close>, port = ipc.server()
  local a <close>, b = ipc.client(port), ipc.client(port)
  t.equal(server:clients(2, function() end), 2)
  t.equal(server:clients(1, function() end), 2)
  t.equal(server:clients(0, function() end), 2)
end)

t.test('server: clients() tells how many came when time is over', function()
  local server <close>, client = kit.pair()
  local problem = kit.failure('timeout', server.clients, server, 2, print, { timeout = 0.05 })
  t.raises('server timed out waiting for clients to connect: 1 of 2 is there', error, problem)
end)

t.test('server: tags choose among clients', function()
  local server <close>, port = ipc.server()
  local a <close>, b = ipc.client(port), ipc.client(port)
  a:send 'odd'
  b:send 'even'
  server:clients(2, function(c)
    t.equal(c:tag(), nil)
    c:tag(c:recv())
  end)
  t.equal(server:clients(function(c) t.equal(c:tag(), 'odd') end, 'odd'), 1)
  t.equal(server:clients(print, 'none'), 0)
  t.equal(server:broadcast(1), 2)
  t.equal(server:broadcast(2, 'odd'), 1)
  t.equal(server:broadcast(3, 'even', { timeout = 10 }), 1)
  t.equal(a:recv() + 10 * a:recv(), 21)
  t.equal(b:recv() + 10 * b:recv(), 31)
  b:send 'b'
  a:send 'a'
  t.equal(server:recvAny 'odd', 'a')
  t.equal(server:recvAny('even', { timeout = 10 }), 'b')
end)

t.test('server: an error of the callback comes out as it is', function()
  local server <close>, client = kit.pair()
  local problem = {}
  local good, got = pcall(server.clients, server, 1, function() error(problem) end)
  assert(not good and got == problem)
end)

t.test('server: a client that a callback keeps is no good any more', function()
  local server <close>, client = kit.pair()
  local kept
  kit.with(server, function(c) kept = c end)
  for _, call in ipairs { 'send', 'recv', 'recvAsync', 'close', 'tag', 'id', 'address', 'link',
                          'netStats', 'peer' } do
    t.raises('server client is invalid, either closed or used outside of server function scope',
      kept[call], kept, 1)
  end
  pcall(server.clients, server, function(c) kept = c error 'x' end)
  t.raises('server client is invalid', kept.send, kept, 1)
  t.equal(tostring(kept), 'ipc.client (closed)')
end)

t.test('server: a client of recvAny is good until the next call', function()
  local server <close>, client = kit.pair()
  client:send(1)
  local _, kept = server:recvAny()
  kept:send 'answer'
  server:broadcast 'more'
  kept:send 'and more'
  t.equal(client:recv(), 'answer')
  t.equal(client:recv(), 'more')
  t.equal(client:recv(), 'and more')
  server:poll(0)
  t.raises('server client is invalid', kept.send, kept, 1)
end)

t.test('server: calls of the server within a callback leave its client good', function()
  local server <close>, client = kit.pair()
  client:send(1)
  kit.with(server, function(c)
    t.equal(server:recvAny(), 1)
    server:clients(function() end)
    c:send(2)
  end)
  t.equal(client:recv(), 2)
end)

t.test('server: poll gives the clients that have a message', function()
  local server <close>, port = ipc.server()
  t.equal(#server:poll(0), 0)
  local clients = {}
  for i = 1, 3 do clients[i] = ipc.client(port) end
  server:clients(3, function() end)
  t.equal(#server:poll(0.01), 0)
  clients[3]:send 'three'
  clients[2]:send 'two'
  local texts = {}
  while #texts < 2 do
    for _, c in ipairs(server:poll(10)) do texts[#texts + 1] = c:recv() end
  end
  table.sort(texts)
  t.equal(table.concat(texts, ' '), 'three two')
  t.equal(#server:poll(0), 0)
end)

t.test('server: poll without a timeout, or recvAny, with nobody there is an error', function()
  local server <close> = ipc.server()
  t.raises('no client is connected that could send', error,
    kit.failure('peer_lost', server.poll, server))
  t.raises("no client with the tag 'x' is connected", error,
    kit.failure('peer_lost', server.recvAny, server, 'x'))
end)

t.test('server: recvAny takes tensors and storages, too', function()
  local server <close>, client = kit.pair()
  local torch = require 'torch'
  client:send(torch.range(1, 3))
  client:send(torch.LongStorage { 7 })
  t.equal(server:recvAny():sum(), 6.0)
  t.equal(server:recvAny()[1], 7)
end)

t.test('server: recvAny waits no longer than it is told', function()
  local empty <close> = ipc.server()
  t.raises('no client has come in time to ', error,
    kit.failure('timeout', empty.recvAny, empty, { timeout = 0.02 }))
  local server <close>, client = kit.pair()
  server:clients(1, function() end)
  kit.failure('timeout', server.recvAny, server, { timeout = 0.02 })
  client:send(5)
  t.equal(server:recvAny { timeout = 10 }, 5)
end)

t.test('client: closing is idempotent, and all else raises then', function()
  local server <close>, client = kit.pair()
  client:close()
  client:close()
  t.equal(tostring(client), 'ipc.client (closed)')
  t.raises('the client is closed', client.send, client, 1)
  t.raises('the client is closed', client.recv, client)
  t.raises('the client is closed', client.recvAsync, client)
  server:close()
  server:close()
  t.equal(tostring(server), 'ipc.server (closed)')
  t.raises('the server is closed', server.clients, server, 1, print)
  t.raises('the server is closed', server.broadcast, server, 1)
  t.raises('the server is closed', server.recvAny, server)
  t.raises('the server is closed', server.poll, server, 1)
end)

t.test('client: closing many takes no time, though the server is busy elsewhere', function()
  local server <close>, port = ipc.server { link = 'socket' }
  local clients = {}
  for i = 1, 50 do
    clients[i] = ipc.client(port)
    clients[i]:send(i)
  end
  server:clients(50, function() end)
  local begin = ipc.clock()
  for _, client in ipairs(clients) do client:close() end
  assert(ipc.clock() - begin < 1, ipc.clock() - begin)  -- an acknowledgement may take 40 ms
  local sum = 0
  for _ = 1, 50 do sum = sum + server:recvAny() end
  t.equal(sum, 1275)
end)

t.test('client: what was sent before a close is received, then it raises', function()
  for _, link in ipairs(kit.links) do
    local server <close>, client = kit.pair { link = link }
    client:send 'last'
    client:close()
    kit.with(server, function(c)
      t.equal(c:recv(), 'last')
      t.raises('remote peer disconnected', error, kit.failure('peer_lost', c.recv, c))
      kit.failure('peer_lost', c.recvAsync, c)
      kit.failure('peer_lost', c.send, c, 1)
    end)
    kit.failure('peer_lost', server.recvAny, server)
  end
end)

t.test('client: it hears that the server has closed', function()
  for _, link in ipairs(kit.links) do
    local server, client <close> = kit.pair { link = link }
    server:broadcast 'x'
    kit.with(server, function(c) c:send 'last' end)
    server:close()
    local got = client:recv()
    t.equal(got == 'x' and client:recv() or got, 'last')
    t.raises('remote peer disconnected', error, kit.failure('peer_lost', client.recv, client))
  end
end)

t.test('client: links are those that are wished', function()
  local expected = { fastest = 'process', memory = 'memory', socket = 'socket' }
  for _, link in ipairs(kit.links) do
    local server <close>, client = kit.pair { link = link }
    local name, reason = client:link()
    t.equal(name, expected[link])
    assert(#reason > 0)
    kit.with(server, function(c) t.equal(c:link(), name) end)
    assert(tostring(client):find('by ' .. name, 1, true))
  end
  local server <close>, port = ipc.server()
  local client <close> = ipc.client(port, { link = 'socket' })
  t.equal(client:link(), 'socket')
end)

t.test('client: netStats counts on both ends', function()
  local server <close>, client = kit.pair()
  client:send(('x'):rep(1000))
  kit.with(server, function(c)
    c:recv()
    local stats = c:netStats()
    t.equal(stats.rx.num_calls, 1)
    t.equal(stats.link, 'process')
  end)
  local stats = client:netStats()
  t.equal(type(stats.tx), 'table')
  t.equal(type(stats.rx), 'table')
  assert(stats.tx.num_bytes >= 1000 and stats.tx.num_calls == 1 and stats.rx.num_bytes == 0)
  for _, direction in ipairs { stats.tx, stats.rx } do
    for _, name in ipairs { 'num_bytes', 'num_calls', 'num_regions' } do
      t.equal(math.type(direction[name]), 'integer', name)
    end
    assert(direction.total_seconds >= 0)
  end
  assert(#stats.reason > 0 and stats.tx.num_regions == 0 and stats.tx['NETWORK MB/s'] >= 0)
  assert(server:netStats().rx.num_bytes >= 1000)
  client:close()
  pcall(server.recvAny, server)
  assert(server:netStats().rx.num_bytes >= 1000)
end)

t.test('client: objects are userdata to torch.type', function()
  local server <close>, client = kit.pair()
  local torch = require 'torch'
  t.equal(torch.type(server), 'userdata')
  t.equal(torch.type(client), 'userdata')
end)

t.test('client: one of a port where nobody listens gives up in time, and says why', function()
  local server, port = ipc.server()
  server:close()
  local problem = kit.failure('timeout', ipc.client, port, { timeout = 0.2 })
  t.raises(':' .. port, error, problem)
  t.raises('refused', error, problem)
end)

t.test('server: a port that is in use is refused, one that was left can be taken', function()
  local server, port = ipc.server()
  local client = ipc.client(port)
  t.raises('in use: this program or another one listens there; choose another port', error,
    kit.failure('system', ipc.server, '127.0.0.1', port))
  kit.with(server, function() end)
  server:close()
  client:close()
  local again <close>, same = ipc.server('127.0.0.1', port)
  t.equal(same, port)
  local next_client <close> = ipc.client(port)
  t.equal(again:clients(1, function() end), 1)
end)

t.done()
