-- SPDX-License-Identifier: Apache-2.0
-- exec and run: code for children, as a string or a function.
local use <const> = ...
local core, state, errors = use "core", use "state", use "errors"
local handles, life = use "handles", use "life"
local parallel, tags = state.parallel, state.tags

local function check_code(code, operation)
  if type(code) == "function" then return end
  if type(code) ~= "string" then
    errors.usage("%s: code is a string or a function, and this is a %s", operation, type(code))
  end
  local chunk, problem = load(code, nil, "t")
  if not chunk then errors.usage("%s: %s", operation, problem) end
end

local function check_executable(record)
  if record.kind ~= "child" then
    errors.usage("exec: %s runs its own program already", record.name)
  end
  if life.check(record) then error(life.error_of(record), 0) end
  if record.handle.running then
    errors.usage("<parallel.exec> process already running code, cannot exec again")
  end
end

local function exec(process, code, operation)
  check_code(code, operation)
  local members = handles.members(process, operation)
  for _, record in ipairs(members) do check_executable(record) end
  local index, failure, message = errors.call(core.send, handles.links(members), tags.control,
    { code = code })
  for _, record in ipairs(members) do record.handle.running = true end
  if index then error(life.loss(members[index], failure, message), 0) end
end

handles.method("exec", function(process, code) exec(process, code, "exec") end)

---Starts a child that runs the code with these arguments, and gives it.
function parallel.run(code, ...)
  check_code(code, "run")
  local child = parallel.fork(nil, nil, nil, ...)
  local good, problem = pcall(exec, child, code, "run")
  if good then return child end
  use("close").remove { child }
  error(problem, 0)
end

return true
