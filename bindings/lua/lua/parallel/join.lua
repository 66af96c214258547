-- SPDX-License-Identifier: Apache-2.0
-- join and yield: a parent and its children meet. One rule serves both generations of the
-- interface: join returns when the child next yields, or ends. Joins are numbered, so that the
-- answer to one that timed out is not taken for that to a later one.
local use <const> = ...
local core, state, errors = use "core", use "state", use "errors"
local options, handles, life = use "options", use "handles", use "life"
local parallel, tags = state.parallel, state.tags

local number = 0

local function check_joinable(record)
  if record.kind == "parent" or record.kind == "rank" and (parallel.id ~= 0
      or record.handle.id == 0) then
    errors.usage("join: %s does not yield: children do, and in a job the ranks above 0 for rank 0",
      record.name)
  end
end

-- A process that answers no more: that is fine when it has ended well.
local function check_gone(record, code, message)
  local loss = life.loss(record, code, message)
  if record.ended then life.let_go(record) end
  local is_fine = loss.code == "child_ended" or record.kind == "rank" and loss.code == "peer_lost"
  if not is_fine then error(loss, 0) end
end

-- Whether the process has answered this join; one that has ended needs not.
local function has_answered(record)
  local good, answer, message = record.link:receive(tags.yield, 0)
  if good then return answer == number end
  if answer == "timeout" then answer, message = "peer_lost", "it has ended" end
  check_gone(record, answer, message)
  return true
end

-- Sends the join, and gives the list of those who are to answer.
local function call_all(members, text, timeout)
  local waiting = {}
  for _, record in ipairs(members) do
    if not life.check(record) then
      local index, code, message = life.send_at_once(record, tags.join, { number, text }, timeout)
      if index then
        check_gone(record, code, message)
      else
        waiting[#waiting + 1] = record
      end
    end
  end
  return waiting
end

handles.method("join", function(process, text, given)
  local members = handles.members(process, "join")
  local timeout = options.timeout(given, "join")
  local deadline = timeout and life.clock() + timeout
  for _, record in ipairs(members) do
    check_joinable(record)
    if life.check(record) then life.let_go(record) end
  end
  number = number + 1
  local waiting = call_all(members, text == nil and "" or text, timeout)
  while #waiting > 0 do
    local left = deadline and math.max(deadline - life.clock(), 0)
    local position = core.wait_any(handles.links(waiting), tags.yield, 1, left)
    if position == nil then
      errors.raise("timeout", ("parallel: join: %s has not yielded in time"):format(
        waiting[1].name))
    end
    if has_answered(waiting[position]) then table.remove(waiting, position) end
  end
end)

---Waits for the parent's join, and gives what that said.
function parallel.yield(given)
  local record = state.parent
  if record == nil then
    errors.usage("yield: this process has no parent that could join it")
  end
  local good, join, message = errors.call(record.link.receive, record.link, tags.join,
    options.timeout(given, "yield"))
  if not good then error(life.loss(record, join, message), 0) end
  local index, code, text = life.send_at_once(record, tags.yield, join[1])
  if index then error(life.loss(record, code, text), 0) end
  return join[2]
end

return true
