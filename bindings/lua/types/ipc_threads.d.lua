-- SPDX-License-Identifier: Apache-2.0
---@meta ipc

-- Objects that threads share; see ipc.d.lua.

---@class ipc
local ipc = {}

---Threads of `ipc.map`. Left to Lua's collector, it leaves them to themselves; an error that nobody
---asked for is printed then. As a `<close>` variable it waits for them, and raises their error.
---@class ipc.Map
local Map = {}

---Starts `n` threads (0 or more), each with a Lua state of its own, that call `f(..., id)`, where
---`id` is the number of the thread, from 1. The function and the arguments are copied, but tensors,
---storages and objects of ipc, which threads share; functions must have no upvalues. Threads have
---globals of their own, with `torch` among them, and the parent's package.path, package.cpath and
---package.preload. Signals are blocked in them. They are no ranks: `ipc.world` raises there.
---
---When the program closes its Lua state, waits of its threads raise `peer_lost`, and up to 1 s is
---given to the threads to end; what computes for longer, or is in a call of the system, ends with
---the process.
---@param n integer
---@param f function
---@param ... ipc.Sendable
---@return ipc.Map
function ipc.map(n, f, ...) end

---As `ipc.map`; every thread first calls `init()`, or runs the text.
---@param n integer
---@param init? function|string
---@param f function
---@param ... ipc.Sendable
---@return ipc.Map
function ipc.map_extended(n, init, f, ...) end

---Waits until all threads have ended, and returns what their functions returned: the values of
---thread 1, then of thread 2 and so on; nothing the second time. When threads failed it raises the
---error of the last of them, a text with its traceback. Raises `timeout` when they take longer than
---that many seconds: it may be called again then.
---@param timeout? number
---@return any ...
function Map:join(timeout) end

---Raises the error of a thread that has ended with one, if there is one; does not wait. That error
---is told then: `join` gives what the other threads return.
function Map:checkErrors() end

---A lock, and a barrier, for the threads of this program. It goes from thread to thread by
---reference, also in tables.
---@return ipc.Mutex
function ipc.mutex() end

---Packs a value once, to be read any number of times, by any thread. It goes from thread to thread
---by reference.
---@param object any  what can be sent, and not nil; tensors and objects of ipc go by reference
---@param upvalues? any  true: functions may have upvalues, which are copied
---@param size? number  taken for torch-ipc's sake, as is `increment`; means nothing
---@param increment? number
---@return ipc.Marshal
function ipc.marshal(object, upvalues, size, increment) end

---A table that threads share: `t[k]`, `t[k] = v`, `#t` (of all pairs) and `pairs(t)` (the keys that
---there were when it began, integers first) work as ever; each access is atomic by itself. It goes
---from thread to thread by reference.
---
---Keys are booleans, numbers (2.0 is 2), strings and objects of ipc; values what can be sent,
---functions without upvalues. What is read is a *copy*, but for tensors and objects of ipc: a
---change of it is not seen by others, `t.key.sub = 2` is lost. With `nested`, plain tables (of no
---class) that are put in, now or later and at any depth, become shared tables themselves, so that
---`t.key.sub = 2` is kept, and an access copies one value alone. Cycles, and tables that are there
---twice, stay what they are then.
---
---An error leaves the table as it was. Shared tables that hold each other in a cycle are not freed.
---Cost: an access packs or reads its value, whatever its size, and locks the table only to find it.
---@param source? table  what is in it at first
---@param settings? ipc.SharedTableSettings|boolean  a boolean: `move`
---@param requires? string|string[]  as in the settings
---@param size? number  taken for torch-ipc's sake, as is `increment`; means nothing
---@param increment? number
---@return ipc.SharedTable
function ipc.sharedtable(source, settings, requires, size, increment) end

---Memory that the table takes, without tensors, and without shared tables that are in it.
---@param t ipc.SharedTable
---@return number kibibytes
function ipc.sharedtable_size(t) end

---Puts `value` at the key only where `expected` is: a number equal to it, the same string, boolean
---or object of ipc, or nil for nothing. Atomic: with it threads change what they have read without
---losing what others did.
---@param t ipc.SharedTable
---@param key any
---@param expected nil|boolean|number|string|userdata
---@param value any
---@return boolean is_done
---@return any current  what is there, where that is something else
function ipc.sharedtable_swap(t, key, expected, value) end

---A lock that its thread may take again and again, and a barrier. Who waits is woken with an
---`ipc.Error`: `timeout`, or `peer_lost` when there is nobody to wait for any more.
---@class ipc.Mutex
local Mutex = {}

---Waits for the lock. When the thread that held it ended without unlocking it, the next one that
---asks gets `peer_lost`, once, and not the lock, which is free then: what it guards may be half
---done.
---@param timeout? number  seconds; no limit when left out
function Mutex:lock(timeout) end

---Raises a string when this thread does not hold the lock.
function Mutex:unlock() end

---Locks, to the end of a scope: `local guard <close> = mutex:guard()`.
---@param timeout? number  seconds; no limit when left out
---@return ipc.Mutex guard  the mutex
function Mutex:guard(timeout) end

---Waits until `n` threads have called it; then it can be used again. All give the same `n`: whoever
---differs from those who wait gets an error. A thread whose time is over is not counted any more.
---`peer_lost` when no other thread has the mutex any more.
---@param n integer
---@param timeout? number  seconds; no limit when left out
function Mutex:barrier(n, timeout) end

---A packed value.
---@class ipc.Marshal
local Marshal = {}

---A new copy of the value; tensors and objects of ipc are those that were given.
---@return any
function Marshal:read() end

---Lets go of the value in this thread, as the end of the scope of a `<close>` variable does.
function Marshal:close() end

---A table that threads share: see `ipc.sharedtable`.
---@class ipc.SharedTable
---@field [any] any

---@class ipc.SharedTableSettings
---@field move? boolean  empties the table that it is made of
---@field nested? boolean  plain tables in it become shared ones
---@field requires? string|string[]  modules; for torch-ipc's sake, means nothing

return ipc
