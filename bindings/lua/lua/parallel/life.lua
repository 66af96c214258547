-- SPDX-License-Identifier: Apache-2.0
-- How processes end, and how that is told.
local use <const> = ...
local core, state, errors, handles = use "core", use "state", use "errors", use "handles"
local life = {}

-- A child that has closed its connection is about to end, and its end is worth waiting for.
local end_seconds <const> = 10

---How the child ended; nil while it runs. Without a timeout it waits for the end.
function life.ended(record, timeout)
  if record.ended or record.kind ~= "child" then return record.ended end
  local good, text, report, status, signal = record.link:ended(timeout)
  if good == nil then return nil end
  record.ended = {
    good = good, description = text, report = report ~= "" and report or nil,
    status = status, signal = signal,
  }
  if good then state.family[record] = nil end
  return record.ended
end

-- Joins, their answers and settings count as messages do: there is room for some of them.
local least_lag <const> = 64 << 10

---As many bytes may be on their way to this process as the settings say.
function life.set_lag(record)
  record.link:set_lag(math.max(state.lag, least_lag))
end

local function restore(record, good, ...)
  life.set_lag(record)
  if not good then error((...), 0) end
  return ...
end

---core.send of what waits for no room: the other side may be waiting for this before it receives
---what fills the room.
function life.send_at_once(record, tag, value, timeout)
  record.link:set_lag(math.maxinteger)
  return restore(record, pcall(errors.call, core.send, { record.link }, tag, value, timeout))
end

---Gives back what a child that has ended took, unless messages of its are still to be received.
function life.let_go(record)
  if record.ended and not record.closed and not record.kept
    and not record.link:is_ready(state.tags.data) then
    record.closed = true
    state.open[record] = nil
    record.link:close()
  end
end

---What is to be said about an end.
function life.describe(record)
  local how = record.ended
  if how.report then return ("parallel: %s failed: %s"):format(record.name, how.report) end
  if how.good then return ("parallel: %s has ended"):format(record.name) end
  return ("parallel: %s (pid %s) ended %s %s"):format(record.name, record.handle.unixid,
    how.signal and "by" or "with", how.description)
end

---The error that tells of the end of a child. It counts as told from now on.
function life.error_of(record)
  record.seen = true
  state.family[record] = nil
  local how = record.ended
  return errors.make(how.good and "child_ended" or "child_failed", life.describe(record), {
    child = record.handle.id, status = how.status, signal = how.signal, report = how.report,
  })
end

---Raises the failure of a child, if it has failed.
function life.check(record)
  local how = life.ended(record, 0)
  if how and not how.good then error(life.error_of(record), 0) end
  return how
end

-- The peer is no more reachable: a reason for each kind.
local function loss_of(record)
  if record.kind == "rank" then
    return errors.make("peer_lost", ("parallel: %s has left the job"):format(record.name),
      { rank = record.handle.id })
  elseif record.kind == "parent" then
    return errors.make("peer_lost", "parallel: the parent has ended, or let go of this child")
  end
  if life.ended(record, end_seconds) then return life.error_of(record) end
  return errors.make("peer_lost", ("parallel: %s (pid %s) has closed its connection, and runs on")
    :format(record.name, record.handle.unixid), { child = record.handle.id })
end

---For one that can say nothing any more: raises unless it has ended well.
function life.check_end(record)
  local loss = loss_of(record)
  if loss.code ~= "child_ended" then error(loss, 0) end
end

-- What the core calls a rank of a world and a tag, a script knows as a process, and as the line
-- that called.
local function in_words(record, message)
  local text = message:gsub("^(%l+)%((%l+) rank %d+, tag %d+%)", function(verb, way)
    local place = errors.caller():match("^(.-): $")
    return ("%s %s %s%s"):format(verb, way, record.name, place and " at " .. place or "")
  end, 1)
  text = text:gsub("waiting for rank %d+$", "waiting for " .. record.name)
  return (text:gsub("raise the lag$", "allow more by parallel.setSharedSize"))
end

---The error for what the core told about an operation with this process.
function life.loss(record, code, message)
  if code == "peer_lost" then return loss_of(record) end
  local fields = {}
  if record.kind ~= "parent" then fields[record.kind] = record.handle.id end
  return errors.make(code, "parallel: " .. in_words(record, message), fields)
end

---Tells on standard error of children whose failure nobody has been told.
function life.tell_unseen()
  for record in pairs(state.family) do
    local how = life.ended(record, 0)
    if how and not how.good and not record.seen then
      record.seen = true
      io.stderr:write(life.describe(record), "\n")
    end
    if how then state.family[record] = nil end
  end
end

-- Whether `value` is running, and more about an end.
local function status_of(record)
  local how = life.ended(record, 0)
  if how == nil then return "running" end
  record.seen = true
  state.family[record] = nil
  return how.good and "ended" or "failed", {
    message = not how.good and life.describe(record) or nil,
    status = how.status, signal = how.signal, report = how.report,
  }
end

handles.method("status", function(process)
  local record = handles.record(process)
  if record then return status_of(record) end
  local statuses = {}
  local members, keys = handles.members(process, "status")
  for i, member in ipairs(members) do statuses[keys[i]] = status_of(member) end
  return statuses
end)

local signals <const> = {
  HUP = 1, INT = 2, QUIT = 3, ILL = 4, TRAP = 5, ABRT = 6, BUS = 7, FPE = 8, KILL = 9, USR1 = 10,
  SEGV = 11, USR2 = 12, PIPE = 13, ALRM = 14, TERM = 15, CHLD = 17, CONT = 18, STOP = 19, TSTP = 20,
  TTIN = 21, TTOU = 22, URG = 23, XCPU = 24, XFSZ = 25, VTALRM = 26, PROF = 27, WINCH = 28, IO = 29,
  PWR = 30, SYS = 31,
}
local last_signal <const> = 64

---Sends a signal, by number or name ("KILL", "SIGKILL"); TERM when none is named.
handles.method("kill", function(process, signal)
  local number = signal == nil and signals.TERM or math.type(signal) == "integer" and signal
    or type(signal) == "string" and signals[signal:upper():gsub("^SIG", "")]
  if not number or number < 1 or number > last_signal then
    errors.usage("kill: there is no signal %s", tostring(signal))
  end
  for _, record in ipairs(handles.members(process, "kill")) do
    if record.kind ~= "child" then
      errors.usage("kill: %s is no child of this process", record.name)
    end
    if not record.closed then record.link:signal(number) end
  end
end)

life.clock = core.clock
return life
