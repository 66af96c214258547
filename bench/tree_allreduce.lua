-- SPDX-License-Identifier: Apache-2.0
-- An allreduce of f32, sum, from Lua, over one of torch-ipc's trees or over the world of a job:
--   ipcrun-lua bench/tree_allreduce.lua BYTES tree|socket NODES    starts the nodes by itself
--   ipcrun -n NODES bench/tree_allreduce.lua BYTES world
-- One JSON line from the root.
local ipc = require "ipc"
local torch = require "torch"

local function number_at(index) return math.tointeger(tonumber(arg[index])) end

local bytes <const>, kind <const> = number_at(1), arg[2]
local nodes <const>, node <const> = number_at(3), number_at(4)
if not bytes or not (kind == "world" or (kind == "tree" or kind == "socket") and nodes) then
  io.stderr:write("usage: ipcrun-lua bench/tree_allreduce.lua BYTES tree|socket|world [NODES]\n")
  os.exit(2)
end

local samples_max <const>, enough_us <const>, warm_ups <const> = 100, 2e6, 7

local function median_and_p99(samples)
  table.sort(samples)
  return samples[#samples // 2 + 1], samples[#samples * 99 // 100 + 1]
end

---Times `operate`; `share(value)` gives the root's value to all.
local function measure(is_root, size, operate, share)
  for _ = 1, warm_ups do operate() end
  local samples, total = {}, 0
  repeat
    local begin = ipc.clock()
    operate()
    local elapsed = (ipc.clock() - begin) * 1e6
    samples[#samples + 1], total = elapsed, total + elapsed
  until share(#samples >= samples_max or total >= enough_us)
  if is_root then
    print(('{"bench":"tree_allreduce","ranks":%d,"bytes":%d,"p50_us":%.4g,"p99_us":%.4g}')
      :format(size, bytes, median_and_p99(samples)))
  end
end

local function tensor() return torch.FloatTensor(bytes // 4):zero() end

if kind == "world" then
  local world = ipc.world()
  local t = tensor()
  measure(world.rank == 0, world.size, function() world:allreduce(t) end,
    function(value) return world:broadcast(value, 0) end)
  return
end

local others = {}
if not node then
  for i = 2, nodes do
    others[#others + 1] = ipc.spawn { file = arg[-1] or "ipcrun-lua",
      args = { arg[0], bytes, kind, nodes, i } }
  end
end
local tree = require "ipc.LocalhostTree"(node or 1, nodes, node and ipc.getppid() or ipc.getpid(),
  kind == "socket" and { link = "socket" } or nil)
local t = tensor()
measure(tree.nodeIndex == 1, tree.numNodes,
  function() tree.allReduce(t, function(a, b) return a:add(b) end) end,
  function(value) return tree.scatter(value) end)
for _, process in ipairs(others) do assert(process:wait() == 0, "a node failed") end
