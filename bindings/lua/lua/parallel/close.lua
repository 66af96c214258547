-- SPDX-License-Identifier: Apache-2.0
-- The end of children: waited for (sync), brought about (close, <close>), or that of this process.
local use <const> = ...
local core, state, errors = use "core", use "state", use "errors"
local options, handles, life = use "options", use "handles", use "life"
local parallel, tags = state.parallel, state.tags
local close = {}

local grace_seconds <const> = 0.5

-- Takes a process out of parallel.children, and gives its core back.
local function forget(record)
  local handle = record.handle
  if parallel.children[handle.id] == handle then
    parallel.children[handle.id] = nil
    parallel.nchildren = parallel.nchildren - 1
  end
  local remote = handle.remote
  if remote then
    remote.cores = remote.cores + 1
    parallel.remotes.cores = parallel.remotes.cores + 1
    handle.remote = nil
  end
  life.let_go(record)
end

-- Waits for the end of one; false when the time is over.
local function wait_end(record, left)
  if record.kind == "child" then return life.ended(record, left) ~= nil end
  return core.wait_any({ record.link }, tags.never, 1, left) ~= nil
end

-- One error for all that failed: the first, and the others in a line each.
local function raise_failures(failed)
  if #failed == 0 then return end
  local first = life.error_of(failed[1])
  for i = 2, #failed do
    local line = life.error_of(failed[i]).message:match("^[^\n]*")
    first.message = first.message .. "\nand " .. line:gsub("^parallel: ", "")
  end
  error(first, 0)
end

handles.method("sync", function(process, given)
  local members = handles.members(process, "sync")
  local timeout = options.timeout(given, "sync")
  local deadline = timeout and life.clock() + timeout
  for _, record in ipairs(members) do
    if record.kind == "parent" or record.kind == "rank" and record.handle.id == parallel.id then
      errors.usage("sync: the end of %s cannot be waited for here", record.name)
    end
  end
  for _, record in ipairs(members) do
    local left = deadline and math.max(deadline - life.clock(), 0)
    if not wait_end(record, left) then
      errors.raise("timeout", ("parallel: sync: %s has not ended in time"):format(record.name))
    end
  end
  local failed = {}
  for _, record in ipairs(members) do
    forget(record)
    if record.ended and not record.ended.good then failed[#failed + 1] = record end
  end
  raise_failures(failed)
end)

-- Without the agent the child is gone, too.
local function signal(record, number)
  local good, problem = pcall(record.link.signal, record.link, number)
  if not good and problem.code ~= "peer_lost" then error(problem, 0) end
end

---Ends these children: TERM, and KILL after the grace. Returns when they are gone.
function close.finish(members)
  local deadline = life.clock() + grace_seconds
  for _, record in ipairs(members) do
    if not life.ended(record, 0) then signal(record, 15) end
  end
  for _, record in ipairs(members) do
    if not life.ended(record, math.max(deadline - life.clock(), 0)) then
      signal(record, 9)
      life.ended(record)
    end
    record.seen = true
    state.family[record] = nil
    life.let_go(record)
  end
end

-- The children among the handles of a group, or the one.
local function children_of(process)
  local found = {}
  for _, record in ipairs(handles.members(process, "close")) do
    if record.kind == "child" then found[#found + 1] = record end
  end
  return found
end

---Ends the children of a group, and takes them out of parallel.children.
function close.remove(group)
  local members = children_of(group)
  close.finish(members)
  for _, record in ipairs(members) do forget(record) end
end

-- What has failed by itself is told first; what is under way is ended without a word.
handles.on_close(function(process)
  for _, record in ipairs(children_of(process)) do
    if life.ended(record, 0) and state.family[record] and not record.seen then
      io.stderr:write(life.describe(record), "\n")
    end
  end
  close.remove(process)
end)

---Ends all children of this process; returns when they are gone.
function parallel.close()
  life.tell_unseen()
  local records = {}
  for record in pairs(state.family) do records[record] = true end
  for _, record in ipairs(children_of(parallel.children)) do records[record] = true end
  core.close(grace_seconds)
  for record in pairs(records) do
    life.ended(record)
    record.seen = true
    forget(record)
  end
  state.family = {}
end

---Starts anew, with children numbered from 1. Those there are run on, and are forgotten.
function parallel.reset()
  for _, record in ipairs(children_of(parallel.children)) do record.is_forgotten = true end
  parallel.children = handles.fill {}
  parallel.nchildren = 0
  parallel.processid = 1
  state.has_rank_children = false
end

---Gives back what children took that have ended, whether anybody waited for that or not. Of those
---that nobody can name any more, it is told here how they failed.
function close.sweep()
  for record in pairs(state.open) do
    if life.ended(record, 0) then
      if record.is_forgotten then
        if not record.ended.good and not record.seen then
          io.stderr:write(life.describe(record), "\n")
        end
        state.family[record] = nil
      end
      life.let_go(record)
    end
  end
end

-- Finalisers run in the reverse of the order in which they were set. So that ours comes before
-- those of the connections, it is set anew for each child.
local guard
local guard_meta = {}
local close_all = parallel.close
function guard_meta.__gc(which)
  if which == guard then close_all() end
end

function close.guard()
  guard = setmetatable({}, guard_meta)
end

return close
