-- SPDX-License-Identifier: Apache-2.0
-- ipc.tree: the tree of a communicator of a job, the best one for where its ranks are.
local use = ...
local native, tree, members = use "core", use "tree", use "members"

--- `place_of`: gives the place of a member, { parent = (or nil), children = }, of another tree.
return function(communicator, place_of)
  local comm = communicator:split(0, communicator.rank)
  local place = (place_of or native.place)(comm)
  place.root = comm:allreduce(place.parent and 0 or comm.rank + 1, "max")
  local about = { kind = "memory", reason = "the nodes are ranks of a job" }
  return tree.new(members(comm, place, about))
end
