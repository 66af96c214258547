-- SPDX-License-Identifier: Apache-2.0
-- Under ipcrun: handles of the ranks. For those above 0 the parent is rank 0, whose children begin
-- as the others.
local use <const> = ...
local core, state, handles = use "core", use "state", use "handles"
local parallel = state.parallel
local job = {}

local function rank_handle(rank)
  local record = { link = core.rank(rank), kind = "rank", name = "rank " .. rank }
  return handles.new({ id = rank, ip = "127.0.0.1", speed = 1, running = true }, record)
end

---Fills in id, ranks, parent and children. Without a job there are no ranks.
function job.enter()
  parallel.ranks = handles.fill {}
  local own, size = core.place()
  if own == nil then return end
  parallel.id = own
  for rank = 0, size - 1 do parallel.ranks[rank] = rank_handle(rank) end
  if own > 0 then
    parallel.parent = parallel.ranks[0]
    state.parent = handles.record(parallel.parent)
    return
  end
  state.has_rank_children = true
  for rank = 1, size - 1 do parallel.children[rank] = parallel.ranks[rank] end
  parallel.nchildren = size - 1
end

return job
