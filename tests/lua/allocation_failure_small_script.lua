-- SPDX-License-Identifier: Apache-2.0
-- As allocation_failure_ipc_script.lua: mutexes, marshals, shared tables, programs, locked files.
local ipc = require "ipc"
local torch = require "torch"
local mutex, tensor = ipc.mutex(), torch.zeros(2)
mutex:lock()
mutex:lock(1)
mutex:unlock()
mutex:unlock()
do
  local guard <close> = mutex:guard()
end
mutex:barrier(1)
assert(not pcall(mutex.unlock, mutex) and not pcall(mutex.barrier, mutex, 2, 0))
-- Marshals.
local n = 1
local m = ipc.marshal({ mutex, { tensor }, function() return n end }, true)
assert(m:read()[1] == mutex and m:read()[3]() == 1)
m:close()
assert(not pcall(m.read, m) and not pcall(ipc.marshal, coroutine.create(print)))
-- Shared tables.
local source = { 1, x = { y = 2 }, [2.5] = "text", [true] = tensor, [mutex] = mutex }
local shared = ipc.sharedtable(source, true, { "torch" })
assert(next(source) == nil and #shared == 5 and shared.x.y == 2 and shared[mutex] == mutex)
local count = 0
for key, value in pairs(shared) do count = count + (key and value and 1 or 0) end
assert(count == 5 and ipc.sharedtable_size(shared) > 0)
shared[2.5], shared.new = nil, "new"
assert(shared[2.5] == nil and #shared == 5)
local thread = coroutine.create(print)
assert(not pcall(function() shared[{}] = 1 end))
assert(not pcall(function() shared.x = { thread } end))
assert(ipc.sharedtable_swap(shared, 1, 1.0, { 2 }))
local done, now = ipc.sharedtable_swap(shared, 1, mutex, nil)
assert(not done and now[1] == 2)
-- A cycle, which is not freed: it is cut, or was never complete.
local cycle = { list = { 1 } }
cycle.list.me = cycle
cycle.bad = { thread }
assert(not pcall(ipc.sharedtable, cycle, { nested = true }))
local nested = ipc.sharedtable({ a = { b = { 1 } } }, { nested = true, move = false })
nested.a.c = { d = {} }
nested.a.c.d.e = 5
assert(nested.a.c.d.e == 5 and nested.a.b[1] == 1)
-- Programs.
do
  local p <close> = ipc.spawn { file = "cat", args = { "-u", "-" }, env = { "A=1" } }
  p:stdin("line\nrest")
  p:stdin()
  assert(p:stdout() == "line" and p:stdout(2) == "re" and p:stdout("*a") == "st")
  assert(p:stdout() == nil and p:wait() == 0 and not pcall(p.pid, p))
end
assert(select(2, ipc.spawn({ file = "cat" }):wait("KILL")) == "KILL")
assert(not pcall(ipc.spawn, { file = "/no/such/program" }))
-- Locked files.
local lock = ipc.flock("/dev/null")
assert(lock:write("text", 1) == lock and lock:read("a") == "" and lock:seek("set") == 0)
assert(ipc.flock("/dev/null", true) == nil and not pcall(lock.truncate, lock))
lock:close()
-- Processes.
assert(ipc.getpid() > 0 and ipc.getppid() > 0 and ipc.gettid() > 0 and ipc.isOSX() == nil)
assert(ipc.isDevel() ~= nil and not pcall(ipc.waitpid, 1))
