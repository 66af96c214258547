-- SPDX-License-Identifier: Apache-2.0
-- As allocation_failure_ipc_script.lua: what the calling state does for ipc.map. Without threads,
-- which would take memory beside it.
local ipc = require "ipc"
local torch = require "torch"
local secret = { 1, { 2 } }
package.preload.with_upvalue = function() return secret end
package.preload.with_thread = function() return coroutine.create(secret) end
package.preload.wrapped = coroutine.wrap(print)
package.preload.number = 1
local t = torch.ones(3)
local map = ipc.map(0, function(...) return ... end, nil, "text", { t, 5 }, t, math.floor)
assert(select("#", map:join()) == 0 and select("#", map:join(1)) == 0)
map:checkErrors()
do
  local closed <close> = ipc.map_extended(0, "x = 1", math.floor)
  local other <close> = ipc.map_extended(0.0, function() end, math.floor, nil)
end
-- What is refused.
assert(not pcall(ipc.map, -1, print))
assert(not pcall(ipc.map, 1, secret))
assert(not pcall(ipc.map, 1, function() return secret end))
assert(not pcall(ipc.map, 1, print, coroutine.create(print)))
assert(not pcall(ipc.map_extended, 1, {}, print))
assert(not pcall(map.join, map, -1))
map = nil
collectgarbage()
