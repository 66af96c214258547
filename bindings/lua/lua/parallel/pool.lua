-- SPDX-License-Identifier: Apache-2.0
-- A pool of children that work on tasks: functions with arguments in, their results out. A worker
-- has one task at a time; tasks go out whenever a function of the pool is called.
local use <const> = ...
local state, errors = use "state", use "errors"
local options, life, start = use "options", use "life", use "start"
local messages, close = use "messages", use "close"
local parallel, tags = state.parallel, state.tags

-- What a worker does. Its argument is the function of all tasks, when they have one.
local work <const> = [[
  local parallel, common = require 'parallel', ...
  local function run(task)
    return table.pack((task.f or common)(table.unpack(task.args, 1, task.args.n)))
  end
  while true do
    local task = parallel.parent:receive()
    if task == nil then break end
    local good, results = xpcall(run, parallel._traced, task)
    local sent, problem = pcall(parallel.parent.send, parallel.parent, { good, results })
    if not sent then parallel.parent:send { false, 'send the results: ' .. tostring(problem) } end
  end
]]

local Task = {}
Task.__index = Task
Task.__name = "parallel.Task"

local Pool = {}
Pool.__index = Pool
Pool.__name = "parallel.Pool"

local function start_worker(self, number)
  local args = table.pack(self.common)
  local record = start.process(self.interpreter, number, "worker " .. number, args)
  messages.send_all({ record }, tags.control, { code = work })
  self.workers[number] = record
end

-- A task is done: `results` as table.pack gives them, or why there are none.
local function finish(self, number, good, results)
  local task = self.tasks[number]
  self.tasks[number] = nil
  self.unfinished = self.unfinished - 1
  task.is_done = true
  if good then
    task.results = results
  else
    task.problem = errors.make("task_failed",
      ("parallel: %s failed: %s"):format(task.name, tostring(results)), { task = task.number })
  end
  if task.is_taken then return end
  self.last_finished = self.last_finished + 1
  self.finished[self.last_finished] = task
end

-- Gives tasks that wait to workers that have none. One that cannot be sent is done.
local function deal(self)
  for number = 1, self.size do
    while self.tasks[number] == nil and self.first <= self.last do
      local task = self.queue[self.first]
      self.queue[self.first] = nil
      self.first = self.first + 1
      self.tasks[number] = task
      local good, problem = pcall(messages.send_all, { self.workers[number] }, tags.data,
        { f = task.f, args = task.args })
      task.f, task.args = nil, nil
      if not good and life.ended(self.workers[number], 0) then
        start_worker(self, number)
      end
      if not good then finish(self, number, false, problem) end
    end
  end
end

-- Waits for one worker's answer; false when the time is over. One that ended instead is replaced.
local function hear(self, timeout)
  local busy, numbers = {}, {}
  for number = 1, self.size do
    if self.tasks[number] then
      busy[#busy + 1] = self.workers[number]
      numbers[#numbers + 1] = number
    end
  end
  if #busy == 0 then return false end
  self.turn = self.turn % #busy + 1
  local position = messages.any(busy, self.turn, timeout)
  if position == nil then return false end
  local number = numbers[position]
  local good, came, answer = pcall(messages.take, busy[position], nil)
  if good and came then
    finish(self, number, answer[1], answer[2])
  else
    close.finish { busy[position] }
    local loss = type(came) == "table" and came.message:gsub("^parallel: ", "") or tostring(came)
    start_worker(self, number)
    finish(self, number, false, loss)
  end
  deal(self)
  return true
end

local function check_open(self)
  if self.is_closed then errors.usage("the pool is closed") end
end

-- Hears of workers until `is_enough` is true; raises when that takes too long.
local function hear_until(self, is_enough, given, operation)
  local timeout = options.timeout(given, operation)
  local deadline = timeout and life.clock() + timeout
  while not is_enough() do
    check_open(self)
    if not hear(self, deadline and math.max(deadline - life.clock(), 0)) then
      if timeout == 0 then return false end
      errors.raise("timeout", ("parallel: %s: nothing came in time"):format(operation))
    end
  end
  return true
end

---Adds a task: the function and its arguments; or its arguments, in a pool with a common function.
---Waits while as many tasks are unfinished as the limit says.
function Pool:submit(...)
  check_open(self)
  local args, f = table.pack(...), nil
  if self.common == nil then
    f = args[1]
    if type(f) ~= "function" then
      errors.usage("submit: a task is a function, and this is a %s", type(f))
    end
    args = table.pack(select(2, ...))
  end
  hear_until(self, function() return self.unfinished < self.limit end, nil, "submit")
  self.count = self.count + 1
  local task = setmetatable({
    pool = self, number = self.count, f = f, args = args, name = "task " .. self.count,
    is_done = false, is_taken = false,
  }, Task)
  self.unfinished = self.unfinished + 1
  self.last = self.last + 1
  self.queue[self.last] = task
  deal(self)
  return task
end

---Waits for the task, and gives what its function returned. Raises what it raised, every time.
function Task:result(given)
  self.is_taken = true
  local is_done = hear_until(self.pool, function() return self.is_done end, given, "result")
  if not is_done then return end
  if self.problem then error(self.problem, 0) end
  return table.unpack(self.results, 1, self.results.n)
end

---Whether the task is done, well or not. Does not wait.
function Task:done()
  while not self.is_done and not self.pool.is_closed and hear(self.pool, 0) do end
  return self.is_done
end

---The next task that is done and was not asked for its result: in the order in which they finish.
---Nil when there is none left.
function Pool:next(given)
  local function has_finished()
    while self.finished[self.heard] and self.finished[self.heard].is_taken do
      self.finished[self.heard] = nil
      self.heard = self.heard + 1
    end
    return self.finished[self.heard] ~= nil or self.unfinished == 0
  end
  if not hear_until(self, has_finished, given, "next") then return nil end
  local task = self.finished[self.heard]
  if task then task.is_taken = true end
  return task
end

---Waits until all tasks are done.
function Pool:wait(given)
  hear_until(self, function() return self.unfinished == 0 end, given, "wait")
end

---Ends the workers, whatever they do. Tasks that are not done never will be.
function Pool:close()
  if self.is_closed then return end
  self.is_closed = true
  close.finish(self.workers)
end

Pool.__close = Pool.close

local known <const> = { limit = true, task = true, lua = true }

---parallel.pool(n [, {limit=, task=, lua=}])
function parallel.pool(n, given)
  given = given or {}
  local size = options.integer(n)
  if size == nil or size < 1 then
    errors.usage("pool: the number of workers must be an integer, 1 or more")
  end
  if type(given) ~= "table" then
    errors.usage("pool: options are a table, and this is a %s", type(given))
  end
  for key in next, given do
    if not known[key] then
      errors.usage("pool: unknown option '%s' (there are: limit, lua, task)", tostring(key))
    end
  end
  if given.task ~= nil and type(given.task) ~= "function" then
    errors.usage("pool: the task must be a function, and this is a %s", type(given.task))
  end
  local limit = options.integer(given.limit or 4 * size)
  if limit == nil or limit < 1 then
    errors.usage("pool: the limit must be an integer, 1 or more")
  end
  local self = setmetatable({
    size = size, limit = limit, common = given.task, interpreter = given.lua,
    workers = {}, tasks = {}, queue = {}, first = 1, last = 0, count = 0, unfinished = 0,
    finished = {}, heard = 1, last_finished = 0, turn = 0, is_closed = false,
  }, Pool)
  local good, problem = pcall(function()
    for number = 1, size do start_worker(self, number) end
  end)
  if good then return self end
  close.finish(self.workers)
  error(problem, 0)
end

-- For workers: what makes the text of an error.
parallel._traced = errors.traced

return true
