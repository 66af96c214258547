-- SPDX-License-Identifier: Apache-2.0
-- Starts children. A child is an interpreter of its own that loads this module, and is then told
-- who it is (serve.lua).
local use <const> = ...
local core, state, errors = use "core", use "state", use "errors"
local options, handles, life, close = use "options", use "handles", use "life", use "close"
local far = use "far"
local parallel, tags = state.parallel, state.tags
local start = {}

local bootstrap <const> = "require 'ipc' require('parallel')._serve()"

-- Where a plain interpreter finds the modules: as this process does, and beside its own program.
local function library_paths()
  local folder = core.module_folder()
  if folder == nil then return package.cpath end
  return package.cpath .. ";" .. folder .. "/?.so"
end

-- Under a job, children begin as the other ranks: until this process starts some of its own.
local function begin_own_children()
  if not state.has_rank_children then return end
  state.has_rank_children = false
  parallel.children = handles.fill {}
  parallel.nchildren = 0
end

---Raises unless this can be the host of children.
function start.check_host(host, operation)
  if host ~= nil and (type(host) ~= "string" or host == "" or host:find("^%-")) then
    errors.usage("%s: a host is a name or an address, and this is %s", operation,
      type(host) == "string" and ("'%s'"):format(host) or "a " .. type(host))
  end
end

---Starts an interpreter that serves; gives its record. `name` is what errors call it. `place`: the
---host and protocol of one on another host; far.await() tells whether it has begun.
function start.process(interpreter, id, name, args, place)
  if interpreter ~= nil and type(interpreter) ~= "string" then
    errors.usage("start %s: an interpreter is a program's name, and this is a %s", name,
      type(interpreter))
  end
  local agent = core.find_program("agent")
  local program, words
  if place then
    program, words = far.command(place.host, place.protocol, interpreter, { "-e", bootstrap })
  else
    program = interpreter or core.find_program("interpreter")
    words = { program, "-e", bootstrap }
  end
  local link = errors.call(core.spawn, agent, program, words,
    { "LUA_PATH_5_4=" .. package.path, "LUA_CPATH_5_4=" .. library_paths() })
  local handle = { id = id, unixid = tostring(link:pid()), speed = 1, running = false }
  local record = { link = link, kind = "child", name = name }
  handles.new(handle, record)
  life.set_lag(record)
  state.family[record] = true
  state.open[record] = true
  close.guard()
  local good, index, code, message = pcall(errors.call, core.send, { link }, tags.control, {
    id = id, parent = parallel.id, ip = place and place.host or parallel.ip, lag = state.lag,
    args = args, path = package.path, cpath = package.cpath,
  })
  -- Whoever deals with one that has ended already is told how, here or later the same.
  if good and (index == nil or code == "peer_lost") then return record end
  close.finish { record }
  error(good and life.loss(record, code, message) or index, 0)
end

-- Starts a child; one on another host may fail to begin, as far.await() tells.
local function begin(host, protocol, interpreter, ...)
  start.check_host(host, "fork")
  far.check_protocol(protocol, "fork")
  begin_own_children()
  close.sweep()
  local id = parallel.processid
  local is_far = far.is_far(host)
  local record = start.process(interpreter, id,
    is_far and ("child %d on %s"):format(id, host) or "child " .. id, table.pack(...),
    is_far and { host = host, protocol = protocol } or nil)
  record.is_awaited = is_far
  local child = record.handle
  child.ip = host
  parallel.processid = id + 1
  parallel.children[id] = child
  parallel.nchildren = parallel.nchildren + 1
  return child
end

-- Those on other hosts begin together, but no more at a time than an ssh server lets in at once.
local begun_max <const> = 8

local function await(child)
  local record = handles.record(child)
  if not record.is_awaited then return end
  record.is_awaited = nil
  far.await(record)
end

---parallel.fork([host [, protocol [, interpreter [, arguments...]]]])
function parallel.fork(host, protocol, interpreter, ...)
  local child = begin(host, protocol, interpreter, ...)
  local good, problem = pcall(await, child)
  if good then return child end
  close.remove { child }
  parallel.processid = child.id
  error(problem, 0)
end

---Calls `fork_all` with a function that starts a child as parallel.fork does, and adds it to the
---group that is made; what it has started ends when it fails.
function start.group(fork_all)
  local group = {}
  local good, problem = pcall(function()
    fork_all(group, function(...)
      local child = begin(...)
      group[#group + 1] = child
      if #group > begun_max then await(group[#group - begun_max]) end
      return child
    end)
    for _, child in ipairs(group) do await(child) end
  end)
  if good then return handles.fill(group) end
  close.remove(group)
  error(problem, 0)
end

local known <const> = { [1] = true, ip = true, protocol = true, lua = true }

-- {n, ip=, protocol=, lua=}, or n alone.
local function check_spec(spec)
  if type(spec) ~= "table" then spec = { spec } end
  for key in next, spec do
    if not known[key] then
      errors.usage("nfork: unknown option '%s' (there are: ip, lua, protocol)", tostring(key))
    end
  end
  local n = options.integer(spec[1])
  if n == nil or n < 0 then
    errors.usage("nfork: the number of processes must be an integer, 0 or more")
  end
  return { n = n, ip = spec.ip, protocol = spec.protocol, lua = spec.lua }
end

---nfork(n), nfork({n, ip=, protocol=, lua=}, …) or nfork { {n, …}, … }
function parallel.nfork(first, ...)
  local specs = table.pack(first, ...)
  if type(first) == "table" and type(first[1]) == "table" then specs = first end
  local checked = {}
  for i = 1, specs.n or #specs do checked[i] = check_spec(specs[i]) end
  return start.group(function(_, fork)
    for _, spec in ipairs(checked) do
      for _ = 1, spec.n do fork(spec.ip, spec.protocol, spec.lua) end
    end
  end)
end

return start
