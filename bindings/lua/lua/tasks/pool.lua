-- SPDX-License-Identifier: Apache-2.0
-- BackgroundTaskPool(n [, {closeOnLastTask = true}]): threads that run one task after the other.
-- Tasks go to them through one channel, and results come back through another, in the order in
-- which tasks are done.
local ipc = require "ipc"

-- What a thread does; it ends when the pool is closed. A task is {id, f, packed arguments}.
local function work(tasks, results)
  while true do
    local read, status, task = pcall(tasks.read, tasks)
    if not read and type(status) == "table" then error(status, 0) end -- the program ends, say
    if not read then
      -- A module that the task needs is missing, say. Which task it was is lost with it.
      results:write { lost = tostring(status) }
    elseif task == nil or results:closed() then
      return
    else
      local id, f, arguments = table.unpack(task)
      local outcome = table.pack(pcall(f, table.unpack(arguments, 1, arguments.n)))
      local failure = outcome[2]
      -- Of metatables only names of classes travel, and an error should say what it says.
      if not outcome[1] and (getmetatable(failure) or {}).__tostring then
        outcome[2] = tostring(failure)
      end
      local written, why = pcall(results.write, results, { id = id, outcome = outcome })
      if not written then
        why = ("the results of task %d: %s"):format(id, tostring(why))
        results:write { id = id, outcome = { false, why, n = 2 } }
      end
    end
  end
end

local Pool = {}
Pool.__index = Pool

local function check(options)
  if options ~= nil and type(options) ~= "table" then
    error(("BackgroundTaskPool: a table of options was expected, not %s"):format(type(options)), 3)
  end
  for key in pairs(options or {}) do
    if key ~= "closeOnLastTask" then
      error(("BackgroundTaskPool: unknown option '%s' (there is: closeOnLastTask)")
        :format(tostring(key)), 3)
    end
  end
end

-- No task begins any more, and threads end after the task that they are at.
function Pool:stop()
  self.is_closed = true
  self.results:close()
  self.tasks:close()
end

function Pool:close()
  if not self.is_closed then self:stop() end
  self.threads:join()
end

-- Takes what came: false when nothing did. Without `patience` it waits for something.
function Pool:take(patience)
  local read, status, message = pcall(self.results.read, self.results, patience)
  if not read and type(status) == "table" then error(status, 0) end -- nobody is left to answer
  if read and message == nil then return false end
  self.running = self.running - 1
  if not read or message.lost then
    self.untaken = self.untaken - 1
    error(("BackgroundTaskPool: %s: %s"):format(
      read and "a thread could not read its task" or "the results of a task cannot be read",
      read and message.lost or status), 0)
  end
  self.outcomes[message.id] = message.outcome
  self.last_done = message.id
  return true
end

function Pool:take_all()
  while self.running > 0 and self:take(true) do end
end

-- Waits until the outcome of task `id` is known; false where it will never be.
function Pool:await(id)
  self:take_all()
  while self.outcomes[id] == nil and self.running > 0 and not self.is_closed
    and id <= self.added and not self.taken[id] do
    self:take(false)
  end
  return self.outcomes[id] ~= nil
end

function Pool:add(f, ...)
  if type(f) ~= "function" then
    error(("addTask: a function was expected, not %s"):format(type(f)), 2)
  end
  if self.is_closed then error("addTask: the pool is closed", 2) end
  self:take_all()
  local id = self.added + 1
  local written, why = pcall(self.tasks.write, self.tasks, { id, f, table.pack(...) })
  if not written then error("addTask: " .. tostring(why), 2) end
  self.added, self.running, self.untaken = id, self.running + 1, self.untaken + 1
  return id
end

function Pool:is_done(id, block)
  if id == nil then
    self:take_all()
    return self.running == 0
  end
  if block then return self:await(id) end
  self:take_all()
  return self.outcomes[id] ~= nil
end

-- Without a number: of the task that was done last; waits for one when there is none.
function Pool:get(id)
  self:take_all()
  if id == nil then
    if self.outcomes[self.last_done] == nil and self.running > 0 and not self.is_closed then
      self:take(false)
    end
    id = self.last_done
  end
  if not self:await(id) then
    if self.is_closed and id > 0 and id <= self.added and not self.taken[id] then
      error(("getResult: the pool was closed before task %d was done"):format(id), 2)
    end
    return
  end
  local outcome = self.outcomes[id]
  self.outcomes[id], self.taken[id] = nil, true
  self.untaken = self.untaken - 1
  if self.untaken == 0 and self.closes_on_last then self:close() end
  if not outcome[1] then error(outcome[2], 0) end
  return table.unpack(outcome, 2, outcome.n)
end

-- Dropped: the threads end, and nobody waits for them.
Pool.__gc = Pool.stop

local face = {
  __close = function(pool) pool.close() end,
  __name = "ipc.BackgroundTaskPool",
}

return function(size, options)
  check(options)
  if math.tointeger(size) == nil or size < 1 then
    error(("BackgroundTaskPool: a number of threads was expected, 1 or more, not %s")
      :format(tostring(size)), 2)
  end
  local tasks, results = ipc.channel(), ipc.channel()
  local pool = setmetatable({
    tasks = tasks,
    results = results,
    threads = ipc.map(size, work, tasks, results),
    outcomes = {},   -- by task, of those that are done and were not asked for
    taken = {},      -- tasks whose results were given away
    added = 0,       -- tasks, which is the number of the last one
    running = 0,     -- those whose outcome has not come
    untaken = 0,     -- those whose outcome was not asked for
    last_done = 0,
    is_closed = false,
    closes_on_last = options and options.closeOnLastTask,
  }, Pool)
  -- As torch-ipc's: called with a dot.
  return setmetatable({
    addTask = function(f, ...) return pool:add(f, ...) end,
    hasTask = function() return pool.untaken > 0 end,
    isDone = function(id, block) return pool:is_done(id, block) end,
    getResult = function(id) return pool:get(id) end,
    close = function() pool:close() end,
  }, face)
end
