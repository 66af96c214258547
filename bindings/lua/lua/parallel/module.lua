-- SPDX-License-Identifier: Apache-2.0
-- The module: puts the parts together, and finds out who this process is.
local use <const> = ...
local state, errors, handles = use "state", use "errors", use "handles"
local parallel = state.parallel
local print <const> = print  -- scripts put ours in its place

parallel.children = handles.fill {}
for _, part in ipairs { "life", "messages", "join", "close", "start", "run", "remotes",
                        "calibrate", "pool", "map" } do
  use(part)
end

-- Makes any table of handles a group.
parallel._fill = handles.fill

---As print, with the process's number before it.
function parallel.print(...)
  print(("<parallel#%03d>"):format(parallel.id), ...)
end

local life = use "life"

---How many bytes may be on their way to a process that has not received them: for all that this
---process talks to, in both directions.
function parallel.setSharedSize(bytes)
  local whole = math.tointeger(bytes)
  if whole == nil or whole < 0 then
    errors.usage("setSharedSize: the size must be a number of bytes, 0 or more")
  end
  if whole == state.lag then return end
  state.lag = whole
  if state.parent then life.set_lag(state.parent) end
  for record in pairs(state.family) do
    if not record.closed and not life.ended(record, 0) then
      life.send_at_once(record, state.tags.control, { lag = whole })
    end
  end
end

function parallel.getSharedSize() return state.lag end

---For scripts of the time when memory was to be removed by hand: nothing is left that could be.
function parallel.ipcrm() end

use("job").enter()
local serve = use "serve"
parallel.parent = parallel.parent or serve.find_parent()
if parallel.parent == nil then
  -- What scripts of the original look at: a root has a parent without number.
  parallel.parent = setmetatable({ id = -1 }, { __index = function(_, name)
    if name ~= "send" and name ~= "receive" and name ~= "probe" then return nil end
    return function()
      errors.usage("parallel.parent:%s: this process is the root, and has no parent", name)
    end
  end })
end

-- Globals as the original's, which its scripts expect: itself, and the modules it is built on.
rawset(_G, "parallel", parallel)
for _, name in ipairs { "torch", "sys" } do
  local loaded = require(name)
  if rawget(_G, name) == nil then rawset(_G, name, loaded) end
end
return parallel
