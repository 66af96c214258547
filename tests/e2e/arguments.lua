-- SPDX-License-Identifier: Apache-2.0
-- Proves: arguments that make no sense raise before anything is sent, and say what would be right;
-- the world works on. Run on every rank of a job.
local ipc = require "ipc"
local torch = require "torch"
local t = require "job_tap"

local world <const> = ipc.world()
local size <const> = world.size
local tensor <const> = torch.ones(4)

local function refuses(what, fragment, ...)
  local arguments = table.pack(...)
  t.test("refuses " .. what, function()
    local method = arguments[1]
    t.raises(fragment, world[method], world, table.unpack(arguments, 2, arguments.n))
    t.equal(world:allreduce(1), size, "a sum afterwards")
  end)
end

refuses("nothing", "value expected", "allreduce")
refuses("nil", "cannot work on a nil", "allreduce", nil)
refuses("a string", "cannot work on a string", "allreduce", "x")
refuses("a function", "cannot work on a function", "allreduce", print)
refuses("a boolean in a sum", "'sum' is not defined for booleans (there are: land", "allreduce",
  { 1, { false } })
refuses("a number with a fraction in bits", "'bor' is defined for integers, and 1.5 is none",
  "allreduce", 1.5, "bor")
refuses("boolean keys", "a table key is a boolean", "allreduce", { [true] = 1 })
refuses("tables as keys", "a table key is a table", "allreduce", { [{}] = 1 })
local loop = { 1 }
loop.inner = { loop }
refuses("a table that contains itself", "contain themselves", "allreduce", loop)
refuses("an expanded tensor", "expand", "allreduce", torch.ones(1):expand(4))
refuses("an expanded tensor in a table", "expand", "broadcast", { torch.ones(1, 2):expand(3, 2) })
refuses("an operation that is not there", "no such operation: 'mean' (there are: sum", "allreduce",
  tensor, "mean")
refuses("an operation that is no string", "string expected", "allreduce", tensor, true)
refuses("a root that is no rank", "the root must be a rank, from 0 to " .. size - 1, "broadcast",
  tensor, size)
refuses("a negative root", "the root must be a rank, from 0 to " .. size - 1, "broadcast", tensor,
  -1)
refuses("a fractional root", "no integer representation", "broadcast", tensor, 0.5)
refuses("a root that is no number", "number expected", "broadcast", tensor, "first")
refuses("an unknown option", "unknown option 'timeuot' (there are: async, timeout)", "barrier",
  { timeuot = 5 })
refuses("an unknown option of allreduce", "unknown option 'op'", "allreduce", tensor,
  { op = "sum" })
refuses("an unknown option of broadcast", "unknown option '1'", "broadcast", tensor, 0, { 5 })
refuses("options that are no table", "a table of options expected", "barrier", 5)
refuses("a negative timeout", "number of seconds", "barrier", { timeout = -1 })
refuses("a timeout that is no number", "number of seconds", "barrier", { timeout = "soon" })
refuses("a timeout that is NaN", "number of seconds", "barrier", { timeout = 0 / 0 })

refuses("an async that is no truth value", "async must be true or false", "barrier",
  { async = 1 })
refuses("a receiver that is no rank", "the receiver must be a rank, from 0 to", "send", 1, size)
refuses("a negative tag", "the tag must be an integer from 0 to 2147483647", "send", 1, 0,
  { tag = -1 })
refuses("a source that is no rank", "from must be an integer from 0 to " .. size - 1, "receive",
  { from = size })
refuses("options of another call", "unknown option 'from' (there are: async, tag, timeout)", "send",
  1, 0, { from = 0 })
refuses("a timeout beside async", "with async the timeout is one of wait()", "receive",
  { async = true, timeout = 1 })
refuses("to send a function of C without a name, naming its place",
  "field 'layers[2].f' of the table is a C function that is in no loaded module",
  "send", { layers = { 1, { f = coroutine.wrap(print) } } }, 0)
refuses("to gather a coroutine", "the value is a thread", "allgather", coroutine.create(print))
refuses("a list of another length", "the list has " .. size + 1 .. " values; there are " .. size,
  "alltoall", table.pack(table.unpack({}, 1, size + 1)))
refuses("what is no list", "expected a list with a value for each member", "alltoall", 5)
refuses("a tensor without rows", "cannot be cut into", "reduce_scatter", torch.Tensor())
refuses("values that are started", "give a place, {into = …}", "allgather", 1, { async = true })
refuses("values that vary", "values may always differ", "allgather", 1, { varying = true })
refuses("a broadcast of nothing that is started", "all ranks give a place", "broadcast", nil, 0,
  { async = true })
refuses("a colour that is no integer", "number expected", "split", {})
refuses("a locality that is not there",
  "no such locality: 'cpu' (there are: node, numa, l3)", "split", "cpu")
refuses("to close the world", "the world cannot be closed", "close")
refuses("a negative lag", "0 or more", "set_lag", -1)

t.test("refuses to be changed", function()
  t.raises("cannot set 'rank': the fields of a communicator are read-only", function()
    world.rank = 3
  end)
  t.raises("cannot set 'mine': the fields", function() world.mine = {} end)
end)

t.test("a place that does not fit is refused with the line of the call", function()
  local line
  local good, failure = pcall(function()
    line = debug.getinfo(1, "l").currentline + 1
    world:allgather(tensor, { into = torch.ones(3) })
  end)
  t.equal(good, false, "it succeeded")
  t.equal(failure.code, "usage", "code")
  t.equal(failure.message:match("arguments.lua:%d+: allgather"),
    ("arguments.lua:%d: allgather"):format(line), "the beginning of " .. failure.message)
end)

t.test("a tensor in the wrong place is told by the name that scripts know", function()
  t.raises("got torch.Tensor", world.barrier, tensor)
  t.raises("got torch.Storage", world.broadcast, world, 1, tensor:storage())
end)

t.test("refuses to be called on something else", function()
  t.raises("ipc.Communicator expected", world.barrier, {})
  t.raises("ipc.Communicator expected", world.allreduce, tensor)
  t.raises("ipc.Communicator expected", world.broadcast)
  t.raises("ipc.Communicator expected", world.send, 1, 0)
end)

t.test("takes any timeout that is not negative", function()
  for _, timeout in ipairs { 3600, 1e300, math.huge, math.maxinteger } do
    world:barrier { timeout = timeout }
  end
end)

t.test("there is one world", function()
  t.equal(rawequal(ipc.world(), world), true, "ipc.world() twice")
  t.equal(rawequal(require "libipc", ipc), true, "libipc is ipc")
  t.equal(tostring(world), ("ipc.world (rank %d of %d)"):format(world.rank, size), "as text")
  for _, name in ipairs { "local_rank", "local_size", "node" } do
    t.equal(world[name], math.tointeger(os.getenv("IPCRUN_" .. name:upper())), name)
  end
  t.equal(world.nothing, nil, "a field that is not there")
end)

t.done()
