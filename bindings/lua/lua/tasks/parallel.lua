-- SPDX-License-Identifier: Apache-2.0
-- ipc.Parallel: inputs are put, threads work on them, results are got; after gluonnlp's class of
-- that name. Each worker has a copy of the object, made when the first input goes to a worker: what
-- the first, serial runs have set up in it goes along. Tensors in it are shared by all.
local ipc, raise_timeout = ...

local DRAINED <const> = ipc.channel.DRAINED

---What an object for ipc.Parallel is: something with `forward_backward(self, ...)`.
local Parallelizable = { __name = "ipc.Parallelizable" }
Parallelizable.__index = Parallelizable

---A class with this one's methods: give it `forward_backward`. Classes may be extended again.
function Parallelizable:extend()
  local class = setmetatable({}, self)
  class.__index, class.__name = class, self.__name
  return class
end

---An object of the class, with these fields.
function Parallelizable:new(fields)
  return setmetatable(fields or {}, self)
end

function Parallelizable.forward_backward()
  error("forward_backward is not there: a Parallelizable must define it", 2)
end

local Parallel = { __name = "ipc.Parallel" }
Parallel.__index = Parallel

-- What goes to a worker of an object whose methods are behind its metatable, which would stay here:
-- its fields, and all that it inherits.
local function parts_of(object)
  local inherited, seen = {}, {}
  local meta = getmetatable(object)
  local level = type(meta) == "table" and meta.__index
  while type(level) == "table" and not seen[level] do
    seen[level] = true
    for key, value in next, level do
      if inherited[key] == nil and key ~= "__index" then inherited[key] = value end
    end
    meta = getmetatable(level)
    level = type(meta) == "table" and meta.__index
  end
  local fields = {}
  for key, value in next, object do fields[key] = value end
  return { fields = fields, inherited = inherited }
end

-- A thread. It has no upvalues, so that it can go there.
local function work(inputs, results, payload)
  local DRAINED <const> = require "ipc".channel.DRAINED
  local task = payload:read()
  payload:close()
  local run = task.f
  if not run then
    local object = setmetatable(task.parts.fields, { __index = task.parts.inherited })
    run = function(...) return object:forward_backward(...) end
  end
  local function traced(problem)
    local has_text = type(problem) == "string" or (getmetatable(problem) or {}).__tostring
    problem = has_text and tostring(problem) or ("(the error is a %s value)"):format(type(problem))
    return debug.traceback(problem, 2)
  end
  while true do
    local read, status, input = pcall(inputs.read, inputs)
    if not read and type(status) == "table" then error(status, 0) end -- the program ends, say
    if not read then
      -- A module that the input needs is missing, say. Which one it was is lost with it.
      results:write { false, "an input cannot be read by a worker: " .. tostring(status), n = 2 }
    elseif status == DRAINED then
      return
    else
      local output = table.pack(xpcall(run, traced, table.unpack(input, 1, input.n)))
      output.id = input.id
      local sent, problem = pcall(results.writeup, results, output)
      if not sent then
        results:write { false, "the results cannot be sent: " .. problem, n = 2, id = input.id }
      end
    end
  end
end

local known_options <const> = { serial_init = "boolean", ordered = "boolean", capacity = "number" }

local function check_options(given)
  if given == nil then return {} end
  if type(given) == "boolean" then return { serial_init = given } end
  if type(given) ~= "table" then
    error("ipc.Parallel: expected a table of options, got a " .. type(given), 3)
  end
  for key, value in next, given do
    local kind = known_options[key]
    if not kind then
      error(("ipc.Parallel: unknown option '%s' (there are: capacity, ordered, serial_init)")
        :format(tostring(key)), 3)
    end
    if type(value) ~= kind then
      error(("ipc.Parallel: %s must be a %s, not a %s"):format(key, kind, type(value)), 3)
    end
  end
  local capacity = given.capacity
  if capacity and (not math.tointeger(capacity) or capacity < 1) then
    error("ipc.Parallel: capacity must be a whole number, 1 or more", 3)
  end
  return given
end

---@param n integer  workers; 0: each `put` runs at once, in the caller
---@param object table|function  something with `forward_backward`, or a function of the input
---@param given? table|boolean  options, or serial_init
local function new(_, n, object, given)
  local count = type(n) == "number" and math.tointeger(n)
  if not count or count < 0 then
    error("ipc.Parallel: the number of workers must be a whole number, 0 or more", 2)
  end
  local is_function = type(object) == "function"
  if not is_function and not (type(object) == "table" and object.forward_backward) then
    error("ipc.Parallel: expected a function, or an object with forward_backward, got a "
      .. type(object), 2)
  end
  local options = check_options(given)
  return setmetatable({
    workers = count,
    run = is_function and object
      or function(...) return object:forward_backward(...) end,
    task = is_function and { f = object } or { object = object },
    serial = options.serial_init == false and 0 or count,
    ordered = options.ordered,
    capacity = options.capacity and math.tointeger(options.capacity) or nil,
    last_put = 0, last_got = 0, -- numbers of inputs, and of results that were handed out
    came = 0, -- how many results, those of serial runs too
    lost = {}, -- results that no longer say of which input they are
    done = {}, first_done = 1, last_done = 0, -- results that are here: by number, or in a row
  }, Parallel)
end

-- Of one that is dropped: its workers end when they are done. Made after the channel, since Lua
-- finalises last what was made first.
local ending <const> = { __gc = function(self) self.inputs:close() end }

local function start(self)
  local task = self.task
  if task.object then task = { parts = parts_of(task.object) } end
  local good, payload = pcall(ipc.marshal, task, true)
  if not good then
    error(("put: the %s cannot go to a worker: %s"):format(task.f and "function" or "object",
      (tostring(payload):gsub("^ipc%.marshal: ", ""))), 3)
  end
  self.inputs = self.capacity and ipc.channel { capacity = self.capacity } or ipc.channel()
  self.results = ipc.channel()
  self.ending = setmetatable({ inputs = self.inputs }, ending)
  self.threads = ipc.map(self.workers, work, self.inputs, self.results, payload)
  payload:close()
end

local function keep(self, result)
  self.came = self.came + 1
  if self.ordered and not result.id then
    table.insert(self.lost, result)
  elseif self.ordered then
    self.done[result.id] = result
  else
    self.last_done = self.last_done + 1
    self.done[self.last_done] = result
  end
end

local function run_here(self, ...)
  local result = table.pack(xpcall(self.run, debug.traceback, ...))
  result.id = self.last_put
  keep(self, result)
end

---Gives the input (any values) to a worker. Waits while `capacity` inputs wait already.
function Parallel:put(...)
  if self.is_closed then error("put: the Parallel is closed", 2) end
  local is_serial = self.workers == 0 or self.serial > 0
  if not is_serial then
    if not self.threads then start(self) end
    local input = table.pack(...)
    input.id = self.last_put + 1
    local written, why = pcall(self.inputs.writeup, self.inputs, input)
    if not written then -- it cannot be sent, and was not put
      error(type(why) == "string" and "put: " .. why or why, 2)
    end
  end
  self.last_put = self.last_put + 1
  if is_serial then
    self.serial = self.serial - 1
    run_here(self, ...)
  end
end

-- The result that is to be handed out next, if it is here.
local function take(self)
  local result = self.done[self.first_done]
  -- Where all have come and one is missing, it is one that was lost.
  if not result and self.came == self.last_put then result = table.remove(self.lost, 1) end
  if not result then return nil end
  self.done[self.first_done] = nil
  self.first_done = self.first_done + 1
  return result
end

-- Waits for a worker's result; false when the time is over.
local function hear(self, timeout)
  local good, status, result = pcall(function()
    if timeout then return self.results:read { timeout = timeout } end
    return self.results:read()
  end)
  if not good and type(status) == "table" then -- nobody is left to answer
    self.threads:checkErrors()
    error(status, 0)
  end
  if not good then -- taken, and of no use: a module that it needs is missing here, say
    keep(self, { false, "results cannot be read: " .. status, n = 2 })
    return true
  end
  if status == DRAINED or result == nil then return false end
  keep(self, result)
  return true
end

---What `forward_backward` returned for an input, in the order in which they are done, or, with
---`ordered`, were put. Raises the error of that run, with the worker's traceback.
function Parallel:get(timeout)
  if self.last_got == self.last_put then
    error("get: nothing is left to get: every put has had its get", 2)
  end
  if timeout ~= nil and not (type(timeout) == "number" and timeout >= 0) then
    error("get: the timeout must be a number of seconds, 0 or more", 2)
  end
  local deadline = timeout and ipc.clock() + timeout
  local result = take(self)
  while not result do
    local left = deadline and math.max(deadline - ipc.clock(), 0)
    if not hear(self, left) then
      raise_timeout(("get: no result after %g s"):format(timeout))
    end
    result = take(self)
  end
  self.last_got = self.last_got + 1
  if not result[1] then error(result[2], 0) end
  return table.unpack(result, 2, result.n)
end

---How many inputs were put whose results have not been got.
function Parallel:pending() return self.last_put - self.last_got end

---No input is put any more; returns when the workers are done with those that were. What they gave
---can still be got.
function Parallel:close()
  if self.is_closed then return end
  self.is_closed = true
  if not self.threads then return end
  self.inputs:close()
  self.threads:join()
  self.results:close()
end
Parallel.__close = Parallel.close

function Parallel:__tostring()
  return ("ipc.Parallel: %d workers, %d results to get"):format(self.workers, self:pending())
end

setmetatable(Parallel, { __call = new })
ipc.Parallel, ipc.Parallelizable = Parallel, Parallelizable
