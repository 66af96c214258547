-- SPDX-License-Identifier: Apache-2.0
---@meta ipc

-- Work for threads: ipc.Parallel; see ipc.d.lua.

---@class ipc
local ipc = {}

---What `ipc.Parallel` works with: an object with `forward_backward(self, ...)`. This is a class to
---make such objects of; any table with that method will do, one of a `torch.class` as well.
---@class ipc.Parallelizable
---@field forward_backward fun(self, ...): ...
local Parallelizable = {}
ipc.Parallelizable = Parallelizable

---A class that inherits from this one.
function Parallelizable:extend() end

---An object of the class, with these fields.
---@param fields? table
function Parallelizable:new(fields) end

---To be defined: what is done with an input; what it returns is the result. Raises until it is.
function Parallelizable:forward_backward(...) end

---@class ipc.ParallelSettings
---The first inputs, one for each worker, are worked on in the thread that calls, before workers
---have their copies of the object: what it sets up at first goes along. True when left out.
---@field serial_init? boolean
---@field ordered? boolean  results come in the order of the inputs, and not as they are done
---@field capacity? integer  inputs that may wait for a worker, before `put` waits

---Threads that work on inputs: gluonnlp's class of that name. Called as `ipc.Parallel(n, object,
---settings)`: `n` workers, 0 for none: then `put` does the work; an object with
---`forward_backward`, or a function, which may have upvalues; settings, or `serial_init` alone.
---Each worker has a copy of the object; tensors in it are those of all. A `<close>` variable closes
---it; one that is collected ends its workers once they are done.
---@class ipc.Parallel
local Parallel = {}
ipc.Parallel = Parallel

---Gives an input, any values that can be sent, to a worker. Raises where one cannot.
---@param ... ipc.Sendable
function Parallel:put(...) end

---The result for one input that was put: all values. Raises what was raised for it, also by a run
---in this thread, as a text with the traceback. Waits; `timeout` seconds at most, and raises
---`timeout` then, with nothing lost. One get more than puts is an error.
---@param timeout? number
---@return any ...
function Parallel:get(timeout) end

---How many inputs were put whose results have not been got.
---@return integer
function Parallel:pending() end

---No more inputs; waits until the workers are done with those that there are, whose results can
---still be got.
function Parallel:close() end

return ipc
