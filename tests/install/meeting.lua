-- SPDX-License-Identifier: Apache-2.0
-- Two processes of a plain lua5.4 that have a key in common meet, and print what they add up to.
local ipc, parallel, torch = require "ipc", require "parallel", require "torch"

local ways = {}

ways["ipc.server and ipc.client"] = function()
  local server <close>, port = ipc.server()
  local child = parallel.run(function()
    local at = parallel.parent:receive()
    local client <close> = require "ipc".client(at)
    client:send(client:recv():mul(2):sum())
  end)
  child:send(port)
  server:clients(1, function(client) client:send(torch.ones(3)) end, { timeout = 20 })
  local sum = server:recvAny { timeout = 20 }
  child:sync()
  return sum
end

ways["ipc.LocalhostTree"] = function()
  local child = parallel.run(function()
    local tree = require "ipc.LocalhostTree"(2, 2, parallel.parent:receive(), { timeout = 20 })
    tree.allReduce(require "torch".ones(3), function(a, b) return a:add(b) end)
  end)
  child:send(ipc.getpid())
  local tree = require "ipc.LocalhostTree"(1, 2, ipc.getpid(), { timeout = 20 })
  local tensor = tree.allReduce(torch.ones(3), function(a, b) return a:add(b) end)
  child:sync()
  return tensor:sum()
end

print(ways[arg[1]]())
