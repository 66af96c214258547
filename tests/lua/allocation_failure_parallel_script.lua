-- SPDX-License-Identifier: Apache-2.0
-- As allocation_failure_ipc_script.lua: parallel, up to where processes would be started.
local parallel = require "parallel"
assert(parallel.id == 0 and parallel.nchildren == 0 and parallel.parent.id == -1)
assert(next(parallel.children) == nil and next(parallel.ranks) == nil)
local group = parallel._fill {}
group:send { 1 }
group:join "word"
group:sync()
local values = group:receive()
assert(next(values) == nil and next(group:status()) == nil and group:probe() == nil)
assert(select("#", group:receiveAny "noblock") == 0)
for _, call in ipairs { parallel.send, parallel.receive, parallel.join, parallel.exec } do
  assert(not pcall(call, 3, 1))
  assert(not pcall(call, { id = 3 }, 1))
end
assert(not pcall(parallel.yield) and not pcall(parallel.fork, "elsewhere"))
assert(not pcall(parallel.run, "x = = 1") and not pcall(parallel.pool, 0))
assert(#parallel.map(2, {}, pcall) == 0)
parallel.addremote { ip = "localhost", cores = 2 }
assert(parallel.remotes.cores == 2)
parallel.setSharedSize(1 << 20)
assert(parallel.getSharedSize() == 1 << 20)
parallel.reset()
parallel.close()
assert(require "sys".clock() > 0 and require "lab" == require "torch")
