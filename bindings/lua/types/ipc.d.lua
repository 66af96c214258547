-- SPDX-License-Identifier: Apache-2.0
---@meta ipc

-- The module `ipc` for language servers (LuaLS: add this folder to its libraries), and its
-- reference for people. A test holds it to the functions that the module has.

---How ranks of one job find each other and work together. `require "libipc"` gives the same module.
---Requiring it joins the job that `ipcrun` started this process for, or makes a world of one rank;
---it waits up to 30 s for the agent, and raises when the job cannot be joined.
---@class ipc
local ipc = {}

---What a rank may be asked to combine, and what gives a place to be overwritten: tensors and
---storages of `torch`, numbers, booleans (for `land`, `lor`, `lxor`, and to copy), and tables of
---these, to a depth of 100. Keys of tables are numbers and strings. All ranks give the same keys,
---and tensors of the same number of elements and type at them; else it is a mismatch. A table is
---one operation, whatever is in it.
---@alias ipc.Value torch.Tensor|torch.Storage|number|boolean|table

---What can be sent: nil, booleans, numbers (integers stay integers), strings, tensors, storages,
---functions of Lua, and tables of these with keys of any kind; tables and functions to a depth of
---10,000. Cycles, and tables, functions and tensors that are there twice, stay what they are, and
---tensors of one storage share one again. Objects of `torch.class` keep their class; other
---metatables stay behind. What comes is new; its tensors are views of the message, whose memory
---stays for as long as one of them is used.
---
---Functions come with their upvalues, by value; those that they share stay shared. `_ENV` is bound
---to the receiver's globals. By name go `_G`, functions of C that a loaded module has
---(`math.floor`, `torch.randn`), and, in a value that has functions, modules, which the receiver
---requires where they are not loaded. Other functions of C, coroutines and other userdata are
---refused, naming their place.
---@alias ipc.Sendable nil|boolean|number|string|table|function|torch.Tensor|torch.Storage

---@alias ipc.Operator "sum"|"prod"|"min"|"max"|"avg"|"land"|"lor"|"lxor"|"band"|"bor"|"bxor"

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
---@field rank? integer  the rank it is about; in trees the number of the node less 1
---@field node? integer  the number of the node, in trees whose nodes are no ranks
---@field message string

---What a call takes beside its arguments: a table that comes last. Options that a call does not
---know are errors.
---@class ipc.Options
---Seconds to wait for the others, 0 or more; without it there is no limit. A time that passes
---raises `timeout` on every rank, and the communicator works no more.
---@field timeout? number
---Only starts the operation, and returns an `ipc.Work`.
---@field async? boolean

---@class ipc.PlaceOptions : ipc.Options
---Where the result goes: a tensor or storage. All ranks give one (gather: `true` where there is no
---result), and tensors of known, equal sizes: one operation, without looking what others have.
---@field into? torch.Tensor|torch.Storage|true
---With `into`: sizes differ from rank to rank.
---@field varying? boolean

---@class ipc.SendOptions
---@field tag? integer  what the message is told by, 0 or more; 0 when left out
---@field timeout? number  seconds to wait for room; `timeout` is raised, and nothing was sent
---@field async? boolean

---@class ipc.ReceiveOptions
---@field from? integer  the sender; any when left out
---@field tag? integer  any when left out
---@field timeout? number  seconds to wait for a message; `timeout` is raised then
---@field async? boolean

---All ranks of this job; the same object at every call. Does not block. Cost: a table lookup.
---@return ipc.World
function ipc.world() end

---A tree of torch-ipc over the ranks of a communicator (the world when left out), with torch-ipc's
---functions. Collective: all its ranks call it.
---@param communicator? ipc.Communicator
---@return ipc.Tree
function ipc.tree(communicator) end

---Seconds on a clock that only goes forward, from an arbitrary start: for measuring. Cost: 0.1 us.
---@return number seconds
function ipc.clock() end

---Ranks that meet. All of them call the same operations in the same order. An operation blocks
---until it is done, and raises an `ipc.Error`:
---  * `mismatch` on all ranks when they call different things; the message names both lines.
---    Nothing has been changed, and the communicator works on.
---  * `peer_lost` when a rank has died, or has left while it was still needed; `rank` is that rank.
---  * `timeout` when the time of `options` is over, here or on another rank, which `rank` names.
---  * `system` when this rank cannot go on: the shared heap is full, say. Others get `peer_lost`.
---After the last three the contents of the values are undefined, and every later operation of this
---communicator raises the same at once. Fields are read-only.
---@class ipc.Communicator
---@field rank integer  this process's number among its ranks, from 0
---@field size integer  how many ranks it has
---@field members integer[]  its ranks of the world, in order; a new list each time
local Communicator = {}

---The communicator of all ranks of a job.
---@class ipc.World : ipc.Communicator
---@field node integer  the number of this host among those of the job, from 0
---@field local_rank integer  this process's number among the ranks of its host, from 0
---@field local_size integer  how many ranks this host has

---Returns when all ranks have called it.
---Cost: one exchange of flags, a few microseconds.
---@param options? ipc.Options
---@return ipc.Work? work  with async
function Communicator:barrier(options) end

---Combines the values of all ranks, element by element. Tensors are changed in place, of any shape
---and stride. Numbers and booleans in tables are replaced; one by itself is only returned. All
---ranks get the same bits, from run to run: the order of summation depends on the number of ranks
---alone, and where there are several hosts on which ranks are on which, but for
---`ipcrun --deterministic`.
---
---Numbers stay integers while they are so on all ranks, but for `avg`. Integer tensors wrap
---around, and so does the sum that an average is made of, before it is divided and cut towards
---zero. `min` and `max` give NaN where there is one. `land`, `lor` and `lxor` give 1 or 0, and
---true or false for booleans; `band`, `bor` and `bxor` are for integers.
---
---Cost: up to 1 KiB one exchange of flags; above, every rank reads and writes its share of the
---bytes of all ranks. Tensors that are not contiguous are copied out and in.
---@generic T : ipc.Value
---@param value T
---@param op? ipc.Operator  `sum` when left out
---@param options? ipc.Options  may stand in the place of `op`
---@return T value  what was given, or the combined number; with async an `ipc.Work`
function Communicator:allreduce(value, op, options) end

---As `allreduce`, at rank `root` alone: other ranks keep their values, and get nil.
---Cost: less than that, since only one rank is written to.
---@generic T : ipc.Value
---@param value T
---@param root? integer  from 0; 0 when left out
---@param op? ipc.Operator  `sum` when left out
---@param options? ipc.Options  may stand in the place of `op`
---@return T? value
function Communicator:reduce(value, root, op, options) end

---Gives all ranks the value of rank `root`.
---
---Who gives a value of tensors, storages, numbers, booleans and tables of these gives a *place*:
---tensors are overwritten in place, numbers in tables are replaced, a number by itself is only
---returned. Who gives nil, or a value with something else in it, say a string, gives none, and gets
---the root's value, whatever it is. All ranks but the root do the same: either all give places of
---the structure that the root's value has, or none gives one. Else it is a mismatch.
---
---Cost: into places as `allreduce`, with one rank to read from. Without, three more exchanges of
---flags, and one copy at the root. With async all ranks give places.
---@generic T
---@param value T
---@param root? integer  from 0; 0 when left out
---@param options? ipc.Options
---@return T value  what was given, or the value of `root`
function Communicator:broadcast(value, root, options) end

---Gives all ranks a list with the value of each, from rank 0 at 1; nil leaves a hole. Values may be
---of any kind, and tensors of any shape. Cost: two exchanges of flags; every rank copies all values
---once.
---
---With `into`: the elements of all tensors, side by side, in one operation.
---@param value ipc.Sendable
---@param options? ipc.PlaceOptions
---@return any[] values  or the tensor `into`
function Communicator:allgather(value, options) end

---As `allgather`, at rank `root` alone: others get nil. With `into` others say `{into = true}`.
---@param value ipc.Sendable
---@param root? integer  from 0; 0 when left out
---@param options? ipc.PlaceOptions
---@return any[]? values  or the tensor `into`
function Communicator:gather(value, root, options) end

---Gives each rank its own piece of what rank `root` has: of a list with a value for each (`n` in it
---counts, as in one of table.pack), or of a tensor that is cut along its first dimension. Others
---need not know what comes. Cost: two exchanges of flags, and a copy at the root.
---
---With `into` on all ranks, and a tensor at the root: one operation, without that copy.
---@param values? any[]|torch.Tensor  at the root
---@param root? integer  from 0; 0 when left out
---@param options? ipc.PlaceOptions
---@return any value  the own piece, or the tensor `into`
function Communicator:scatter(values, root, options) end

---Gives rank k the item k + 1 of the list of each rank: a list, from rank 0 at 1. Tensors exchange
---the blocks of their first dimension, which must divide by the number of ranks, into a new tensor
---or `into`; that is one operation, lists are two and a copy.
---@param values any[]|torch.Tensor
---@param options? ipc.PlaceOptions  without `varying`
---@return any values  of the same kind
function Communicator:alltoall(values, options) end

---Combines tensors as `allreduce` does, and gives each rank its own block of the result, in order
---of ranks: a new tensor, or `into`. The first dimension divides by the number of ranks; with
---`varying` blocks are as large as each rank's `into`. Cost: half of an allreduce.
---@param tensor torch.Tensor
---@param op? ipc.Operator  `sum` when left out
---@param options? ipc.PlaceOptions  may stand in the place of `op`
---@return torch.Tensor block
function Communicator:reduce_scatter(tensor, op, options) end

---Sends a value to rank `to`, which may be this one. Returns as soon as the value may be changed:
---when it has been copied, or taken by a receiver that waits; it waits for one that is behind by
---more than the lag. Messages between two ranks with equal tags arrive in order.
---Cost: one copy, a few microseconds for small values.
---@param value ipc.Sendable
---@param to integer
---@param options? ipc.SendOptions
---@return ipc.Work? work  with async
function Communicator:send(value, to, options) end

---Receives the first message that matches, waiting for it. With async the handle takes the first
---that is there when it is asked, and gives the same three values.
---Cost: no copy of tensors.
---@param options? ipc.ReceiveOptions
---@return any value
---@return integer source
---@return integer tag
function Communicator:receive(options) end

---Receives a tensor or storage that was sent by itself straight into another of as many elements
---and the same type; the shape need not be equal. Raises `mismatch` for another message, and leaves
---it where it is. With async the handle gives the tensor alone, and takes its turn among receives.
---@generic T : torch.Tensor|torch.Storage
---@param tensor T
---@param options? ipc.ReceiveOptions
---@return T tensor
---@return integer source
---@return integer tag
function Communicator:receive_into(tensor, options) end

---Who sent the first message that matches, which stays where it is; nil when there is none and the
---timeout is over. Does not wait with a timeout of 0.
---@param options? ipc.ReceiveOptions  without `async`
---@return integer? source
---@return integer? tag
function Communicator:probe(options) end

---How many bytes this rank may have sent to another that has not received them, before a send
---waits. 256 MiB at first. A longer message goes when the receiver comes for it.
---@param bytes integer
function Communicator:set_lag(bytes) end

---New communicators, of the ranks that give the same colour, in the order of their keys, then of
---their ranks here. Or of the ranks that share a `"node"`, a NUMA node or a last-level cache. All
---ranks call it. Who gives nil or a negative colour gets nil. Cost: three exchanges of flags.
---@param colour? integer|"node"|"numa"|"l3"
---@param key? integer  0 when left out; not with a name
---@param options? ipc.Options  without async
---@return ipc.Communicator?
function Communicator:split(colour, key, options) end

---Ends a communicator here; others may go on until they need this rank. What was started and not
---waited for is given up. Also at the end of a scope (`local part <close> = …`) and by the
---collector: keep it while its operations are under way. Closing twice is harmless. The world
---cannot be closed.
function Communicator:close() end

---An operation that was started with `{async = true}`. It goes on while ranks wait for something,
---also by the work of others. At most 8 collective ones are under way; one more waits for the
---oldest. A handle that is dropped changes nothing: values stay alive until the operation is done.
---Until then they are not to be read, changed or resized.
---@class ipc.Work
local Work = {}

---Waits for the operation: gives what the call would have returned without async (true for barrier
---and send), at every call; false and "timeout" when the seconds are over first, and the operation
---goes on. Raises the error of the operation, at every call. Numbers are put into tables here.
---@param seconds? number  no limit when left out
---@return any
function Work:wait(seconds) end

---Is it done? Does what can be done without waiting.
---@return boolean
function Work:test() end

---A tree of torch-ipc: a plain table of functions, called with a dot. Nodes count from 1.
---@class ipc.Tree
---@field nodeIndex integer  this node's number
---@field numNodes integer  how many nodes there are
---@field parent integer?  the number of the node above it; nil at the root
---@field children integer[]  the numbers of the nodes below it, in the order of reduction
---@field gpu integer?  of `ipc.SlurmTree` alone: which GPU of the host, from 1
local Tree = {}

---Calls f(leaf, index) for each leaf of nested tables, in the order of sorted keys; a result that
---is not nil replaces the leaf.
---@param t table
---@param f fun(leaf: any, index: integer): any
function Tree.walkTable(t, f) end

---Combines the values of all nodes by a function of two leaves, `mine` and `theirs`, whose result
---replaces `mine` unless it is nil. All nodes get the same. `theirs` may be used during the call
---only. Tensors are changed in place when the function does so, and may be changed in any case.
---
---Functions that are one of the known forms on all nodes (a:add(b), a + b, a:cmul(b), a:cmax(b),
---a:cmin(b), and a * b, math.max and math.min of numbers) are done as `allreduce`; so are names of
---operators. Others are called along the tree, from `children` to `parent`, with views of the other
---node's memory, on some of the nodes, in an order that follows where they run: they call no
---operations of a communicator. A function that fails on one node raises an `ipc.Error` on all,
---which names it.
---
---`zero(leaf, index)` says that this node has no more values: it stands in for those that others
---still give, with its last value, every leaf replaced by what zero returns, until all nodes do.
---@generic T
---@param value T
---@param reduce fun(mine: any, theirs: any): any
---@param zero? fun(leaf: any, index: integer): any
---@return T value
---@return integer contributors  how many nodes gave a value of their own
function Tree.allReduce(value, reduce, zero) end

---Gives all nodes the value of node 1, as `broadcast` does.
---@generic T
---@param value T
---@return T value
function Tree.scatter(value) end

---Prints how many reductions there were, and how many by known operators; also the
---links of this node, and of those that are connections their bytes.
function Tree.netStats() end

---The links of this node in the tree: `node` is the other end, `kind` "process", "memory" or
---"socket", `reason` why it is that one.
---@return { node: integer, kind: string, reason: string }[]
function Tree.links() end

return ipc
