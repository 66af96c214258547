-- SPDX-License-Identifier: Apache-2.0
-- As allocation_failure_ipc_script.lua: values that are sent, gathered and started.
local ipc = require "ipc"
local torch = require "torch"
local world = ipc.world()
local t = torch.ones(2, 3)
local shared = { 1 }
local value = { a = shared, b = shared, [2.5] = "x", t = t, row = t:select(1, 2),
  s = torch.ByteStorage():string("ping") }
value.self = value
world:send(value, 0, { tag = 3 })
assert(world:probe { tag = 3 } == 0)
local got, source, tag = world:receive { from = 0, tag = 3, timeout = 1 }
assert(got.self == got and got.a == got.b and got.row[1] == 1 and source == 0 and tag == 3)
assert(world:send(t, 0, { async = true }):wait() == true)
assert(world:receive_into(torch.Tensor(6)):sum() == 6)
local later = world:receive { async = true }
assert(not later:test() and later:wait(0) == false)
world:send(("long"):rep(1000), 0)
assert(#later:wait() == 4000 and #later:wait() == 4000)
local into = world:receive_into(torch.Tensor(2, 3), { async = true })
world:send(t:t(), 0)
assert(into:wait():sum() == 6)
assert(world:allgather(value)[1].s:string() == "ping" and world:gather { 1 }[1][1] == 1)
assert(world:scatter { "own" } == "own" and world:scatter(t):sum() == 6)
assert(world:alltoall { 5 }[1] == 5 and world:alltoall(t):sum() == 6)
assert(world:allgather(t, { into = torch.Tensor(6) })[6] == 1)
assert(world:gather(t, 0, { into = torch.Tensor(6), async = true }):wait()[1] == 1)
assert(world:reduce_scatter(t):sum() == 6 and world:allreduce(t, { async = true }):wait() == t)
assert(world:allreduce({ 1, true }, "lor", { async = true }):wait()[1] == 1)
assert(world:barrier { async = true }:wait() == true)
do
  local part <close> = world:split(0)
  local node = part:split("node")
  assert(node.members[1] == 0 and tostring(node) == "ipc.Communicator (rank 0 of 1)")
  node:set_lag(1000)
  node:close()
  assert(not pcall(node.barrier, node) and world:split(nil) == nil)
end
-- Functions, and what goes by name.
package.loaded.data = { 1 }
package.preload.lazy = function() return { two = 2 } end
do
  local count, floor, data, lazy = 0, math.floor, package.loaded.data, require "lazy"
  local function factorial(n) return n < 2 and 1 or n * factorial(n - 1) end
  local object = { torch = torch, g = _G }
  function object.add(n) count = count + n; return object, t end
  function object.get() return floor(count), factorial, lazy.two, select("#", data) end
  -- The module first: it is walked into before the functions are met.
  world:send({ data, object, t }, 0)
  package.loaded.lazy = nil
  object = world:receive()[2]
  object.add(3)
  local n, product, two = object.get()
  assert(n == 3 and product(4) == 24 and two == 2 and object.torch == torch and object.g == _G)
  assert(select(2, object.add(0)):sum() == 6 and require("lazy") ~= lazy)
end
world:send(math.floor, 0)
assert(world:receive() == math.floor)
-- What is refused.
assert(not pcall(world.send, world, { f = { coroutine.wrap(print) } }, 0))
package.loaded.absent = {}
world:send({ print, package.loaded.absent }, 0)
package.loaded.absent = nil
assert(not pcall(world.receive, world))
assert(not pcall(world.receive, world, { timeout = 0 }))
assert(not pcall(function() world.rank = 1 end))
