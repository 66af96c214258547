-- SPDX-License-Identifier: Apache-2.0
-- Channels, workqueues and select, small: run by allocation_failure_test under an allocator that
-- fails.
local ipc = require "ipc"
local torch = require "torch"
local c = ipc.channel()
assert(c:write(1, nil, "text", { x = 1 }, torch.ones(2), ("long"):rep(20)) == 0)
assert(c:num_items() == 6 and tostring(c) == "ipc.channel (open, 6 items)")
for _ = 1, 6 do assert(c:read() == 0) end
assert(c:read(true) == 0 and c:read { timeout = 0 } == 0)
assert(not pcall(c.read, c))
local b <close> = ipc.channel { capacity = 2 }
local status, count = b:try_write(1, c, 3)
assert(status == 0 and count == 2)
assert(not pcall(b.write, b, 4))
assert(select(2, b:write_for(0, 4)) == 0)
local index, _, item = ipc.select { c, b, priority = true }
assert(index == 2 and item == 1)
assert(select(2, b:read()) == c)
assert(ipc.select { c, b, timeout = 0 } == nil)
assert(not pcall(ipc.select, { c, b }))
assert(not pcall(ipc.select, { c, 5 }))
c:writeup(function() return b end)
c:close()
for f in c:items() do assert(type(f) == "function") end
assert(c:drained() and c:write(1) == 2)
local q, creator = ipc.workqueue("name")
assert(creator == 1)
local again, created = ipc.workqueue { name = "name" }
assert(again == q and created == 0)
q:write(1, { 2 })
assert(not pcall(q.drain, q))
assert(not pcall(q.read, q))
assert(q:poll() == false and q:drain(0) == false and select("#", q:read(true)) == 0)
assert(tostring(q) == "ipc.workqueue (name, owner, 0 to read)")
q:close()
again:close()
assert(not pcall(q.close, q) and not pcall(ipc.workqueue, { capacity = 0 }))
local s = ipc.channel { shared = true, capacity = 4 }
assert(s:write(1, { x = 1 }, torch.ones(100), s) == 0)
assert(select(2, s:try_write(5)) == 0 and s:num_items() == 4)
assert(select(2, s:read()) == 1 and select(2, s:read()).x == 1)
assert(select(2, s:read()):sum() == 100 and select(2, s:read()) == s)
assert(not pcall(s.write, s, coroutine.create(print)))
s = ipc.channel { shared = true }
assert(not pcall(s.read, s))
assert(ipc.select { s, timeout = 0 } == nil)
