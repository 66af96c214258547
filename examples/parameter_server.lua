-- SPDX-License-Identifier: Apache-2.0
-- An asynchronous parameter server: workers fetch the parameters, compute a gradient on data of
-- their own, and send it; the server applies each as it comes, and waits for nobody.
--   ipcrun-lua parameter_server.lua
local ipc = require "ipc"
local torch = require "torch"

local workers <const>, steps <const> = 3, 200
local server <close>, port = ipc.server()

-- Threads here; processes that know the port do the same.
local map = ipc.map(workers, function(port, steps, id)
  local ipc, torch = require "ipc", require "torch"
  local client <close> = ipc.client(port)
  torch.manualSeed(id)
  local truth = torch.DoubleTensor { 2, -1, 0.5 }
  local parameters = torch.zeros(3)
  for _ = 1, steps do
    client:send "fetch"
    client:recv(parameters)
    -- The gradient of (x * parameters - x * truth)^2 / 2 for one x.
    local x = torch.randn(3)
    local gradient = x:clone():mul(x:dot(parameters) - x:dot(truth))
    client:send { gradient = gradient }
  end
end, port, steps)

server:clients(workers, function() end)
local parameters, applied = torch.zeros(3), 0
while applied < workers * steps do
  local message, client = server:recvAny()
  if message == "fetch" then
    client:send(parameters)
  else
    parameters:add(-0.05, message.gradient)
    applied = applied + 1
  end
end
map:join()
print(("%d gradients of %d workers"):format(applied, workers))
print(("parameters %.2f %.2f %.2f"):format(parameters[1], parameters[2], parameters[3]))
