-- SPDX-License-Identifier: Apache-2.0
-- A server and its clients, which only know a port: here processes that this script starts, at
-- other times programs of other people, or of other hosts. They must share a key: ipcrun-env(7).
--   ipcrun-lua client_server.lua
local ipc = require "ipc"
local parallel = require "parallel"
local torch = require "torch"

local server <close>, port = ipc.server()

local children = parallel.nfork(3)
children:exec(function()
  local ipc, torch = require "ipc", require "torch"
  local port = parallel.parent:receive()
  local client <close> = ipc.client(port)
  client:send(parallel.id)
  local numbers = client:recv()
  client:send { mean = numbers:mean(), link = client:link() }
  -- A tensor that is known beforehand is received where it is.
  local answer = client:recv(torch.DoubleTensor(1))
  client:send(answer[1] == 50.5)
end)
children:send(port)

-- Who comes is known by what it says.
server:clients(3, function(client) client:id(client:recv()) end)
server:broadcast(torch.range(1, 100))
local mean = 0
for _ = 1, 3 do
  local answer = server:recvAny()  -- from whoever is first
  print(("a child computed %g; its messages go by %s"):format(answer.mean, answer.link))
  mean = mean + answer.mean / 3
end
server:broadcast(torch.DoubleTensor { mean })
local good = true
local count = server:clients(function(client) good = good and client:recv() end)
print(("%d clients agree: %s"):format(count, good))
children:sync()
