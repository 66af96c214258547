-- SPDX-License-Identifier: Apache-2.0
--- Runs what a test wants on all nodes of a tree: threads of this process, or processes.
local ipc = require "ipc"
local nodes = {}

--- In a thread or in the main program: makes the tree of `plan`, and gives it to the function
--- `name` of the module `plan.bodies`, or bodies.
function nodes.run_node(plan, index, server, name, ...)
  local Tree = require "ipc.Tree"
  local options = { link = plan.link, timeout = plan.timeout or 30, key = plan.key }
  local client
  if not server then
    client = require "ipc".client("127.0.0.1", plan.port, { link = plan.way, key = plan.key })
  end
  local tree = Tree(index, plan.numNodes or plan.n, plan.base or 2, server, client, "127.0.0.1",
    nil, server and plan.build or nil, options)
  return tree.nodeIndex, require(plan.bodies or "bodies")[name](tree, client or server, ...)
end

--- All nodes as threads. `way`: the option "link" of their connections; `link`: that of the tree.
-- Gives what the function gave on each, by nodeIndex.
function nodes.threads(plan, name, ...)
  local server, port = ipc.server("127.0.0.1", 0, { link = plan.way, key = plan.key })
  plan.port = port
  local others
  local shared = { n = plan.n, base = plan.base, link = plan.link, way = plan.way, port = port,
                   key = plan.key, timeout = plan.timeout, numbered = plan.numbered,
                   bodies = plan.bodies }
  if plan.n > 1 then
    others = ipc.map(plan.n - 1, function(shared_plan, body, ...)
      local given = table.pack(...)
      local index = shared_plan.numbered and given[given.n] + 1 or nil
      return table.pack(require "nodes".run_node(shared_plan, index, nil, body,
        table.unpack(given, 1, given.n - 1)))
    end, shared, name, ...)
  end
  local own = table.pack(pcall(nodes.run_node, plan, 1, server, name, ...))
  local results = {}
  if others then
    for _, result in ipairs { others:join() } do results[result[1]] = result[2] end
  end
  server:close()
  if not own[1] then error(own[2], 0) end
  results[own[2]] = own[3]
  return results
end

--- A process that runs this text of Lua, which sees what follows it as `...`. The text is kept in
-- a file of nodes.folder.
function nodes.process(text, ...)
  nodes.scripts = (nodes.scripts or 0) + 1
  local path = ("%s/script-%d.lua"):format(nodes.folder, nodes.scripts)
  local file <close> = assert(io.open(path, "w"))
  assert(file:write(text))
  file:flush()
  return ipc.spawn { file = nodes.program, args = { path, ... }, env = nodes.environment() }
end

function nodes.environment()
  local list = {}
  for name, value in pairs(nodes.variables) do list[#list + 1] = name .. "=" .. value end
  return list
end

nodes.program = arg and arg[1]
nodes.variables = {
  LUA_PATH = os.getenv "LUA_PATH", LUA_CPATH = os.getenv "LUA_CPATH",
  HOME = os.getenv "HOME", OPENBLAS_NUM_THREADS = "1", PATH = os.getenv "PATH",
  IPC_KEY = "a key for tests of trees", XDG_RUNTIME_DIR = os.getenv "XDG_RUNTIME_DIR",
}

return nodes
