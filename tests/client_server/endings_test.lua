-- SPDX-License-Identifier: Apache-2.0
-- What a server and its clients hear of each other when something ends.
local ipc = require 'ipc'
local kit = require 'kit'
local t = require 'tap'
local torch = require 'torch'

for _, link in ipairs(kit.links) do
  t.test(('recvAny: who has gone is no reason to time out (%s)'):format(link), function()
    local server <close>, port = ipc.server { link = link }
    local gone <close> = ipc.client(port, { link = link })
    local other <close> = ipc.client(port, { link = link })
    server:clients(2, function() end)
    kit.failure('timeout', server.recvAny, server, { timeout = 0 })
    gone:close()
    other:send(7)
    server:poll(30)  -- it has come
    t.equal(server:recvAny { timeout = 0 }, 7)
    other:close()
    local text = kit.failure('timeout', server.recvAny, server, { timeout = 0.2 }).message
    assert(text:find('no client is there any more, and no other has come', 1, true), text)
  end)
end

for _, link in ipairs(kit.links) do
  t.test(('close: clients hear of it that the server has not met (%s)'):format(link), function()
    local server, port = ipc.server { link = link }
    local client <close> = ipc.client(port, { link = link })
    server:close()
    kit.failure('peer_lost', client.recv, client, { timeout = 30 })
  end)
end

-- By a socket the large message would need a reader.
for _, link in ipairs { 'fastest', 'memory' } do
  t.test(('recvAny: is not held up by a message that was given up (%s)'):format(link), function()
    local server <close>, port = ipc.server { link = link }
    local hasty <close> = ipc.client(port, { link = link })
    local other <close> = ipc.client(port, { link = link })
    server:clients(2, function() end)
    local large = torch.ByteTensor(200 << 20)
    hasty:send(large)
    kit.failure('timeout', hasty.send, hasty, large, { timeout = 0.05 })
    t.equal((server:recvAny()):nElement(), 200 << 20)
    for i = 1, 4 do other:send(i) end
    for i = 1, 4 do t.equal(server:recvAny { timeout = 30 }, i) end
    t.equal(#server:poll(0), 0)
    hasty:send 'after all'
    t.equal(server:recvAny { timeout = 30 }, 'after all')
  end)
end

t.done()
