-- SPDX-License-Identifier: Apache-2.0
---@meta ipc

-- The module `ipc` for language servers (LuaLS: add this folder to its libraries), and its
-- reference for people. A test holds it to the functions that the module has.

---How ranks of one job find each other and work together. `require "libipc"` gives the same module.
---Requiring it joins the job that `ipcrun` started this process for, or makes a world of one rank;
---it waits up to 30 s for the agent, and raises when the job cannot be joined.
---@class ipc
local ipc = {}

---What a rank may be asked to combine or copy: tensors of `torch`, numbers, and tables of these, to
---a depth of 100. Keys of tables are numbers and strings. All ranks give the same keys, and tensors
---of the same number of elements and type at them; else it is a mismatch. A table is one operation,
---whatever is in it.
---@alias ipc.Value torch.Tensor|number|table

---@alias ipc.ErrorCode
---| "mismatch"
---| "peer_lost"
---| "timeout"
---| "system"
---| "usage"
---| "config"
---| "protocol"
---| "unsupported"
---| "internal"

---What operations raise when they fail; prints as its message. Wrong arguments raise strings.
---@class ipc.Error
---@field code ipc.ErrorCode
---@field rank? integer  the rank it is about
---@field message string

---@class ipc.Options
---Seconds to wait for the others, 0 or more; without it there is no limit. A time that passes
---raises `timeout` on every rank, and the world works no more.
---@field timeout? number

---All ranks of this job; the same object at every call. Does not block. Cost: a table lookup.
---@return ipc.World
function ipc.world() end

---Seconds on a clock that only goes forward, from an arbitrary start: for measuring. Cost: 0.1 us.
---@return number seconds
function ipc.clock() end

---The ranks of a job. All of them call the same operations in the same order. An operation blocks
---until it is done, and raises an `ipc.Error`:
---  * `mismatch` on all ranks when they call different things; the message names both lines.
---    Nothing has been changed, and the world works on.
---  * `peer_lost` when a rank has died, or has left while it was still needed; `rank` is that rank.
---  * `timeout` when the time of `options` is over, here or on another rank, which `rank` names.
---After `peer_lost` and `timeout` the contents of the values are undefined, and every later
---operation raises the same at once.
---@class ipc.World
---@field rank integer  this process's number among all ranks, from 0
---@field size integer  how many ranks there are
---@field node integer  the number of this host among those of the job, from 0
---@field local_rank integer  this process's number among the ranks of its host, from 0
---@field local_size integer  how many ranks this host has
local World = {}

---Returns when all ranks have called it.
---Cost: one exchange of flags, a few microseconds.
---@param options? ipc.Options
function World:barrier(options) end

---Combines the values of all ranks, element by element. Tensors are changed in place, of any shape
---and stride. Numbers in tables are replaced; a number by itself is only returned. All ranks get
---the same bits, from run to run: the order of summation depends on the number of ranks alone.
---
---Numbers stay integers while they are so on all ranks, but for `avg`. Integer tensors wrap around,
---and so does the sum that an average is made of, before it is divided and cut towards zero. `min`
---and `max` give NaN where there is one.
---
---Cost: up to 1 KiB one exchange of flags; above, every rank reads and writes its share of the
---bytes of all ranks. Tensors that are not contiguous are copied out and in.
---@generic T : ipc.Value
---@param value T
---@param op? "sum"|"prod"|"min"|"max"|"avg"  `sum` when left out
---@param options? ipc.Options  may stand in the place of `op`
---@return T value  what was given, or the combined number
function World:allreduce(value, op, options) end

---Gives all ranks the value of rank `root`: tensors are overwritten in place, numbers in tables are
---replaced, a number by itself is only returned. All ranks give values of the same structure.
---Cost: as `allreduce`, with one rank to read from.
---@generic T : ipc.Value
---@param value T
---@param root? integer  from 0; 0 when left out
---@param options? ipc.Options
---@return T value  what was given, or the number of `root`
function World:broadcast(value, root, options) end

return ipc
