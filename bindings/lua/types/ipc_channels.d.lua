-- SPDX-License-Identifier: Apache-2.0
---@meta ipc

-- How threads, and processes, hand values to each other; see ipc.d.lua.

---@class ipc
local ipc = {}

---@class ipc.ChannelSettings
---@field capacity? integer  how many items may wait in it, 1 or more; any number when left out
---@field shared? boolean  it can be handed to other processes
---@field name? string  of a shared one: ranks of this job that name it get the same; 1 to 255 bytes

---Makes channels by being called, and names what their calls answer.
---@class ipc.ChannelMaker
---@field OPEN integer  0
---@field CLOSED integer  1: nothing more is written
---@field DRAINED integer  2: closed, and nothing is left to read
---@overload fun(settings?: ipc.ChannelSettings): ipc.Channel

---@type ipc.ChannelMaker
ipc.channel = nil

---@class ipc.WorkqueueSettings
---@field name? string  as the first argument
---@field capacity? integer  how many items may wait in each direction; any number when left out

---A queue between the thread that makes it, its owner, and others, its workers: what the owner
---writes workers read, and the reverse. With a name, threads of this program that name it get the
---same one; without, it is handed on as a value.
---@param name? string|ipc.WorkqueueSettings
---@param size? number  taken for torch-ipc's sake, as is `increment`; means nothing
---@param increment? number
---@return ipc.Workqueue
---@return integer creator  1 when this call made it, else 0
function ipc.workqueue(name, size, increment) end

---Reads one item from the first of several channels and queues that has one, which are the list in
---`sources`. Each call begins to look at another place, so that all get their turns; with
---`priority` it goes by their order. Of a queue it reads what the caller reads. What is drained is
---passed over; so is a queue whose owner has closed it. Raises an `ipc.Error` of code `usage` where
---it would wait for ever, since nobody else has any of them.
---@param sources table  the list, and: timeout, seconds to wait, where 0 only looks; priority
---@return integer? index  nil: nothing came
---@return integer status  as of read; with nil: DRAINED when all are, OPEN when the time is over
---@return any item
function ipc.select(sources) end

---Items from any threads to any threads, first in, first out. It goes from thread to thread by
---reference, also in channels. At the end of the scope of a `<close>` variable it is closed.
---
---A call that would wait for ever, since no other thread has the channel and it is on its way to
---none, raises an `ipc.Error` of code `usage`; so does one that waits when that comes about. A
---channel that is an item of itself is not freed before that was read.
---Cost: 0.1 us for a number or a short string between two threads that are awake.
---
---A *shared* channel goes to other processes of this host, too, in any message: to children and
---parents, to ranks, as an item of another. Who gets it back has the object that it sent. The
---process that sent it must still have it when the message is read: if not, the rest of the message
---comes, and the channel raises `peer_lost` at its use. By a *name* ranks find a channel without a
---message, on whichever host they are; all give the same capacity; what is in it stays until the
---job ends, whoever has it. It is on the host of rank 0, which ranks of other hosts ask for all.
---
---Values are copied into a shared channel, tensors too: a tensor that was read lies where it was
---written to, is nobody else's, and its room is used again when it is collected. Objects of threads
---(mutexes and so on) are no items.
---
---A process may be killed at any time: it takes at most the item along that it was writing or
---reading. What it wrote before stays, others go on. Its script's end lets go of the channel, an
---error's and `os.exit(status, true)` too; `os.exit(status)` alone does not, and counts as killed.
---
---Who waits gets an `ipc.Error` of code `peer_lost` when nobody else has the channel and nobody can
---be about to open it: it was not sent from here, or all children that were started here have ended
---(in a rank: and a process was lost). Nobody knows what other ranks or a parent do with a message
---that they have not read: where one of these may end without a word, wait with a timeout.
---Cost of a shared one: 2 us for a small item, and one copy of a tensor.
---@class ipc.Channel
local Channel = {}

---Writes each argument as an item, nil too; waits while the channel is full. Values are copied as
---when sent, but for tensors and objects of ipc, which go by reference; functions have no upvalues.
---When one cannot go, nothing is written. Without arguments it says how the channel is.
---@param ... any
---@return integer status  OPEN; when it is closed CLOSED or DRAINED, and nothing (more) was written
function Channel:write(...) end

---As write; functions may have upvalues, which are copied.
---@param ... any
---@return integer status
function Channel:writeup(...) end

---As writeup, but waits for no room.
---@param ... any
---@return integer status
---@return integer count  how many of the items were written
function Channel:try_write(...) end

---As writeup, but waits for room no longer than that many seconds.
---@param seconds number
---@param ... any
---@return integer status
---@return integer count  how many of the items were written
function Channel:write_for(seconds, ...) end

---Reads an item; waits for one, or for no longer than {timeout = seconds}, or not at all (true).
---When there is none, the status comes alone: select("#", …) tells that from nil.
---@param patience? boolean|table
---@return integer status  OPEN; CLOSED for an item that was left in a closed channel; DRAINED
---@return any item
function Channel:read(patience) end

---For loops over what comes: `for item in channel:items() do`, until it is drained. A nil, which
---would end the loop, raises an error, and is gone.
---@return fun(channel: ipc.Channel): any
---@return ipc.Channel
function Channel:items() end

---How many items wait in it.
---@return integer
function Channel:num_items() end

---How many may; nil: any number.
---@return integer?
function Channel:capacity() end

---From now on nothing is written. Who waits is woken. Once more does nothing.
function Channel:close() end

---Is it closed?
---@return boolean
function Channel:closed() end

---Is it closed, and is nothing left to read?
---@return boolean
function Channel:drained() end

---Questions go from its owner to workers, answers back. It goes from thread to thread by reference.
---At the end of the scope of a `<close>` variable this thread closes it.
---
---A question is in the hands of the worker that has read it, until that has written as many
---answers, waits for the next question, or has let go of the queue (its end does so).
---@class ipc.Workqueue
local Workqueue = {}

---Writes each argument as an item, nil too. Functions have no upvalues. When one cannot go, nothing
---is written. Waits only where a capacity was given.
---@param ... any
function Workqueue:write(...) end

---As write; functions may have upvalues, which are copied.
---@param ... any
function Workqueue:writeup(...) end

---Reads an item; waits for one, or for no longer than {timeout = seconds}, or not at all (true).
---Nothing when there is none. A worker that waits when the owner has closed the queue, or has
---ended, gets an `ipc.Error` of code `peer_lost` once nothing is left; an owner one of code `usage`
---when nobody else has the queue or can find it by its name.
---@param patience? boolean|table
---@return any item
function Workqueue:read(patience) end

---As read, but tells nil and nothing apart.
---@param seconds? number  how long to wait; 0 when left out
---@return boolean found
---@return any item
function Workqueue:poll(seconds) end

---For loops. Of a worker: over questions, until one is nil, or the owner has closed the queue and
---none is left. Of the owner: over answers, until no question waits or is in a worker's hands, and
---all answers are read.
---@return fun(queue: ipc.Workqueue): any
---@return ipc.Workqueue
function Workqueue:items() end

---For the owner: waits until no question waits, and none is in a worker's hands; all answers can be
---read without waiting then.
---@param seconds? number  how long to wait; for ever when left out
---@return boolean is_drained  false: the time is over
function Workqueue:drain(seconds) end

---Lets go of it in this thread; raises when that was done before. When the owner does, workers get
---what is left, and then an error.
function Workqueue:close() end

return ipc
