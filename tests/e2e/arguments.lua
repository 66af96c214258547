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
refuses("a boolean in a table", "cannot work on a boolean", "allreduce", { 1, { false } })
refuses("a string in a table", "cannot work on a string", "broadcast", { name = "x" })
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
refuses("a root that is no rank", "from 0 to size - 1", "broadcast", tensor, size)
refuses("a negative root", "from 0 to size - 1", "broadcast", tensor, -1)
refuses("a fractional root", "no integer representation", "broadcast", tensor, 0.5)
refuses("a root that is no number", "number expected", "broadcast", tensor, "first")
refuses("an unknown option", "unknown option 'timeuot' (there is: timeout)", "barrier",
  { timeuot = 5 })
refuses("an unknown option of allreduce", "unknown option 'op'", "allreduce", tensor,
  { op = "sum" })
refuses("an unknown option of broadcast", "unknown option '1'", "broadcast", tensor, 0, { 5 })
refuses("options that are no table", "table expected", "barrier", 5)
refuses("a negative timeout", "number of seconds", "barrier", { timeout = -1 })
refuses("a timeout that is no number", "number of seconds", "barrier", { timeout = "soon" })
refuses("a timeout that is NaN", "number of seconds", "barrier", { timeout = 0 / 0 })

t.test("refuses to be called on something else", function()
  t.raises("ipcrun.world expected", world.barrier, {})
  t.raises("ipcrun.world expected", world.allreduce, tensor)
  t.raises("ipcrun.world expected", world.broadcast)
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
  t.equal(world.local_rank, world.rank, "local_rank")
  t.equal(world.local_size, size, "local_size")
  t.equal(world.node, 0, "node")
  t.equal(world.nothing, nil, "a field that is not there")
end)

t.done()
