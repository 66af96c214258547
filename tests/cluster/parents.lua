-- SPDX-License-Identifier: Apache-2.0
-- A rank of tests/cluster/planned_tree.sh: rank 0 prints the parents in the tree of the world, and
-- what a reduction along it gives, by a function that nothing but the tree can serve.
local ipc = require "ipc"
local world = ipc.world()
local tree = ipc.tree()

local function joined(a, b)
  local all = {}
  for rank in (a .. " " .. b):gmatch "%d+" do all[#all + 1] = tonumber(rank) end
  table.sort(all)
  return table.concat(all, " ")
end

local parents = world:gather((tree.parent or 0) - 1, 0)
local children = world:gather(tree.children, 0)
local ranks = tree.allReduce(tostring(world.rank), joined)
if world.rank == 0 then
  local list = {}
  for node = 1, #parents do
    list[node] = ("%d"):format(parents[node])
    for _, child in ipairs(children[node]) do
      assert(parents[child] == node - 1, "a child that has another parent")
    end
  end
  print(table.concat(list, ","))
  print(ranks)
end
