-- SPDX-License-Identifier: Apache-2.0
-- An allreduce between processes that a shell started, as torch-ipc did it:
--
--   for i in 1 2 3 4; do ipcrun-lua allreduce_tree.lua --numNodes 4 --nodeIndex $i & done; wait
--
-- or Slurm:
--
--   srun -N 2 -n 8 ipcrun-lua allreduce_tree.lua --slurm
--
-- Without --nodeIndex it starts all nodes itself.
local ipc = require "ipc"
local torch = require "torch"

local cmd = torch.CmdLine()
cmd:option("--numNodes", 4, "nodes in all")
cmd:option("--nodeIndex", 0, "which one this is, from 1; 0: starts them all")
cmd:option("--elements", 1000000, "of the tensor")
cmd:option("--link", "", "'socket': as if the nodes were on different hosts")
cmd:option("--slurm", false, "the nodes are the tasks of a step of Slurm")
local options = cmd:parse(arg)

if options.nodeIndex == 0 and not options.slurm then
  local program, processes, status = arg[-1] or "ipcrun-lua", {}, 0
  for i = 1, options.numNodes do
    processes[i] = ipc.spawn { file = program, args = {
      arg[0], "--numNodes", options.numNodes, "--nodeIndex", i, "--elements", options.elements,
      "--link", options.link,
    } }
  end
  for _, process in ipairs(processes) do
    io.write(process:stdout "*a" or "")
    status = math.max(status, process:wait())
  end
  os.exit(status, true)
end

local how = { link = options.link ~= "" and options.link or nil }
local tree = options.slurm and require "ipc.SlurmTree"(how)
  or require "ipc.LocalhostTree"(options.nodeIndex, options.numNodes, how)

local gradient = torch.FloatTensor(options.elements):fill(tree.nodeIndex)
local began = ipc.clock()
-- Known to be a sum: it is done natively, by all nodes together.
local _, n = tree.allReduce(gradient, function(a, b) return a:add(b) end)
local seconds = ipc.clock() - began
print(("node %d of %d: the sum is %d, of %d nodes"):format(tree.nodeIndex, tree.numNodes,
  gradient[1], n))

-- A function of one's own goes along the tree.
local longest = tree.allReduce(("x"):rep(tree.nodeIndex), function(a, b)
  return #b > #a and b or a
end)
if tree.nodeIndex == 1 then
  print(("the longest text is %s; %.1f MB took %.1f ms"):format(longest,
    gradient:nElement() * 4e-6, seconds * 1e3))
  tree.netStats()
end
