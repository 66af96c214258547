-- SPDX-License-Identifier: Apache-2.0
-- A server and its client, small: run by allocation_failure_test under an allocator that fails.
local ipc = require "ipc"
local torch = require "torch"
local key = { key = "a key of this test" }
local server <close>, port = ipc.server(key)
local client <close> = ipc.client(port, { key = key.key, link = "socket", timeout = 10 })
assert(server:clients(1, function(c) c:tag("a"); c:id(3) end) == 1)
client:send({ x = 1, t = torch.ones(3) })
client:send(torch.ones(2, 2))
client:send(torch.ByteStorage(2))
local message, c = server:recvAny("a")
assert(message.x == 1 and message.t:sum() == 3)
assert(c:tag() == "a" and c:id() == 3)
assert(not pcall(c.recv, c, torch.zeros(3)))
assert(c:recv(torch.zeros(2, 2)):sum() == 4)
assert(torch.typename(c:recv()) == "torch.ByteStorage")
assert(server:broadcast("text") == 1)
assert(client:recv() == "text" and client:recvAsync() == nil)
assert(#server:poll(0) == 0)
assert(not pcall(client.send, client, coroutine.create(print)))
assert(client:link() == "socket" and #client:address() > 0 and #client:peer() > 0)
assert(client:netStats().tx.num_calls == 3 and server:netStats().rx.num_calls == 3)
assert(#tostring(client) > 0 and #tostring(server) > 0)
assert(not pcall(function() server:clients(function() error("x") end) end))
client:close()
assert(not pcall(client.send, client, 1))
