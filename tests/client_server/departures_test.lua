-- SPDX-License-Identifier: Apache-2.0
-- Clients that have gone: what a server still knows of them, and what is left of a link.
local ipc = require 'ipc'
local kit = require 'kit'
local t = require 'tap'

for _, link in ipairs(kit.links) do
  local function test(what, body) t.test('server: by ' .. link .. ', ' .. what, body) end
  local server, port
  local function connect() return ipc.client(port, { link = link }) end

  test('who has closed is no client any more, and an error of one broadcast at most', function()
    server, port = ipc.server { link = link }
    local gone, stays <close> = connect(), connect()
    server:clients(2, function() end)
    gone:close()
    local good, first = pcall(server.broadcast, server, 'first')
    if not good then t.equal(first.code, 'peer_lost') end
    t.equal(stays:recv(), 'first')
    t.equal(server:broadcast 'second', 1)
    t.equal(tostring(server):match '%d client.*', '1 client)')
    kit.failure('timeout', server.clients, server, 2, error, { timeout = 0 })
    t.equal(server:clients(1, function(c) c:send 'third' end), 1)
    t.equal(stays:recv(), 'second')
    server:close()
  end)

  test('who has closed and left a message stays until that is received', function()
    server, port = ipc.server { link = link }
    local gone <close> = connect()
    server:clients(1, function() end)
    gone:send 'left'
    gone:close()
    pcall(server.broadcast, server, 'not to be sent')
    local left
    t.equal(server:clients(1, function(c) left = c:recv() end), 1)
    t.equal(left, 'left')
    kit.failure('timeout', server.clients, server, 1, error, { timeout = 0 })
    t.equal(server:clients(error), 0)
    server:close()
  end)
end

t.test('client and server: close() of a link by memory closes its descriptors', function()
  local function count()
    local pipe <close> = assert(io.popen('ls /proc/' .. ipc.getpid() .. '/fd | wc -l'))
    return pipe:read 'n'
  end
  local server <close>, port = ipc.server { link = 'memory' }
  local function connect() return ipc.client(port) end
  connect():close()  -- what all links share is there from now on
  kit.failure('timeout', server.clients, server, 1, error, { timeout = 0 })
  local before, clients = count(), {}
  for i = 1, 10 do clients[i] = connect() end
  server:clients(10, function() end)
  t.equal(count() >= before + 20, true)
  for _, client in ipairs(clients) do client:close() end
  kit.failure('timeout', server.clients, server, 1, error, { timeout = 0 })
  t.equal(count() < before + 10, true)  -- something else may come and go
end)

t.done()
