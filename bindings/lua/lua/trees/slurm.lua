-- SPDX-License-Identifier: Apache-2.0
-- SlurmTree: the tasks of a step of Slurm. Ranks of a world know each other; those that are none
-- find each other by a file in a folder that all hosts see.
local use = ...
local native, checks, null, meet = use "core", use "checks", use "null", use "meeting"
local task_of_slurm = use "slurm_task"

local base <const> = 2

-- Puts the nodes of `list` below its first one, as is best where all are alike.
local function graft(parents, list, are_hosts)
  local places = {}
  for i = 1, #list do places[i] = are_hosts and i or 0 end
  for i, above in ipairs(native.shape(places, base)) do
    if i > 1 then parents[list[i]] = list[above] end
  end
end

-- The nodes of each host make a tree, and their first ones one of hosts: whatever the layout, there
-- are hosts - 1 links between them.
local function shape(hosts)
  local parents, of_host, first_ones = { 0 }, {}, {}
  for node, host in ipairs(hosts) do
    if not of_host[host] then
      of_host[host] = {}
      first_ones[#first_ones + 1] = node
    end
    table.insert(of_host[host], node)
  end
  for _, node in ipairs(first_ones) do graft(parents, of_host[hosts[node]], false) end
  graft(parents, first_ones, true)
  return parents
end

-- The tree of a world on several hosts has that shape, too, unless it is to be one that does not
-- depend on hosts. On one host the planned tree is better.
local function of_world(world)
  local places = world:allgather(require "torch".LongTensor { world.node })
  local hosts, last = {}, 0
  for node = 1, world.size do
    hosts[node] = places[node][1]
    last = math.max(last, hosts[node])
  end
  if last == 0 or os.getenv "IPCRUN_DETERMINISTIC" == "1" then return use "job"(world) end
  return use "job"(world, function(comm)
    local me, place = comm.rank + 1, { children = {} }
    for node, parent in ipairs(shape(hosts)) do
      if parent == me then table.insert(place.children, node) end
      if node == me and parent > 0 then place.parent = parent end
    end
    return place
  end)
end

-- The world, where this is a rank of a job; what a rank has started inherits its variables only.
local function own_world()
  if not os.getenv "IPCRUN_RANK" then return nil end
  local world = require("ipc").world()
  if world.size > 1 or os.getenv "IPCRUN_SIZE" == "1" then return world end
end

local function default_folder()
  local home = os.getenv "HOME"
  if not home or home == "" then error("HOME is not set, and no folder is given", 0) end
  return home .. "/.torch"
end

local function of_step(task, folder, options)
  if task.nodes == 1 then return null() end
  folder = folder or default_folder()
  local at = { name = "slurm-" .. task.step, folder = folder,
               host = native.reachable_address(task.towards) }
  return meet(at, {
    index = task.index, nodes = task.nodes, base = base, on = task.on, shape = shape,
    hint = ("give all tasks one folder that all hosts see (here it is '%s')"):format(folder),
  }, options)
end

return function(...)
  local options, folder, tasks_per_gpu = checks.take_options(...)
  if folder ~= nil and (type(folder) ~= "string" or folder == "") then
    error("dir: expected the name of a folder, got " .. tostring(folder), 0)
  end
  tasks_per_gpu = checks.integer(tasks_per_gpu == nil and 1 or tasks_per_gpu, "tasksPerGpu", 1)
  local world = own_world()
  local task = world and { local_index = world.local_rank } or task_of_slurm()
  local tree = world and of_world(world) or of_step(task, folder, options)
  tree.gpu = task.local_index // tasks_per_gpu + 1
  return tree
end
