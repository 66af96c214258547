-- SPDX-License-Identifier: Apache-2.0
-- A child's side: who it is, the code that it runs, and how it ends.
local use <const> = ...
local core, state, errors, handles = use "core", use "state", use "errors", use "handles"
local life = use "life"
local parallel, tags = state.parallel, state.tags
local serve = {}

---In a child: the handle of its parent. Elsewhere nil.
function serve.find_parent()
  local link = core.parent()
  if link == nil then return nil end
  state.parent = { link = link, kind = "parent", name = "the parent" }
  return handles.new({ id = 0, unixid = tostring(link:pid()), speed = 1 }, state.parent)
end

local function next_order()
  local good, order, message = state.parent.link:receive(tags.control)
  if good then return order end
  if order == "peer_lost" then return nil end
  error(("parallel: receive the code to run: %s"):format(message), 0)
end

local function begin(order)
  parallel.id, parallel.ip, parallel.args = order.id, order.ip, order.args
  parallel.parent.id = order.parent
  package.path, package.cpath = order.path, order.cpath
  state.lag = order.lag
  life.set_lag(state.parent)
end

-- The code, once it comes: nil when the parent ends, or lets go of this child, without any.
local function next_code()
  while true do
    local order = next_order()
    if order == nil then return nil end
    if order.lag then
      state.lag = order.lag
      life.set_lag(state.parent)
    end
    local code = order.code
    if type(code) == "string" then return assert(load(code, nil, "t")) end
    if code then return code end
  end
end

-- What a child does from its beginning to its end.
local function run()
  local order = next_order()
  if order == nil then return end
  begin(order)
  local code = next_code()
  if code then code(table.unpack(parallel.args, 1, parallel.args.n)) end
end

---Runs the parent's code. An error is the parent's to tell; here it ends the process.
function parallel._serve()
  if state.parent == nil then
    errors.usage("parallel._serve: this process was not started by parallel.fork")
  end
  local good, trace = xpcall(run, errors.traced)
  if good then
    parallel.close()
    return
  end
  local told = pcall(state.parent.link.report, state.parent.link, trace)
  if not told then io.stderr:write("parallel: child ", parallel.id, " failed: ", trace, "\n") end
  parallel.close()
  os.exit(1, true)
end

return serve
