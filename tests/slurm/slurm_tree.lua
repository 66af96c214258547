-- SPDX-License-Identifier: Apache-2.0
-- A task of slurm_tree.sh: makes the tree, says where it is in it, and may die.
local folder, dying, link = ...
local ipc = require "ipc"
local torch = require "torch"

local task <const> = math.tointeger(tonumber(os.getenv "SLURM_PROCID"))

local function die() os.execute("kill -KILL " .. ipc.getpid()) end

if dying == "before" and task == 0 then
  debug.sethook(function() if debug.getinfo(2, "n").name == "wait_for" then die() end end, "c")
end
local good, tree = pcall(require "ipc.SlurmTree", folder, 2,
  { timeout = dying and 5 or 60, link = link })
if not good then
  io.write(("task %d: %s\n"):format(task, tostring(tree)))
  os.exit(1, true)
end

-- By an operator that is known, and along the tree.
local tensor = torch.FloatTensor(100000):fill(tree.nodeIndex)
local function add(a, b) return a:add(b) end
tree.allReduce(tensor, add)
local longest = tree.allReduce(("x"):rep(tree.nodeIndex), function(a, b)
  return #b > #a and b or a
end)
if dying == "after" and task == 5 then die() end
if dying then
  local why
  repeat good, why = pcall(tree.allReduce, tensor, add) until not good
  io.write(("task %d: %s\n"):format(task, tostring(why)))
  os.exit(1, true)
end

local kinds = {}
for i, one in ipairs(tree.links()) do kinds[i] = one.node .. "=" .. one.kind end
io.write(("%d %s %d %d %d %d %s\n"):format(tree.nodeIndex, os.getenv "SLURMD_NODENAME",
  tree.parent or 0, tree.gpu, tensor[100000], #longest, table.concat(kinds, ",")))
