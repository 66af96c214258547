-- SPDX-License-Identifier: Apache-2.0
-- StaticTree and DiscoveredTree: nodes on any hosts, that know where the root listens, or a way to
-- learn it.
local use = ...
local checks, root, node, null = use "checks", use "root", use "node", use "null"
local native = use "core"

-- The user's function is asked again after pauses that grow up to this: it may look at a file
-- system of a network.
local pause_max <const> = 0.5

local function ask(query, options)
  local pause = 0.01
  while true do
    local host, port = query()
    if host ~= nil and port ~= nil then
      return checks.host(host, "the host of query()"), checks.port(port, "the port of query()", 1)
    end
    if options.left() == 0 then
      checks.fail("timeout", "query() has given no address within %g s", options.timeout)
    end
    native.pause(math.min(pause, options.left()))
    pause = math.min(2 * pause, pause_max)
  end
end

local function discovered(options, index, count, host, port, publish, query)
  index, count = checks.place(index, count)
  if count == 1 then return null() end
  local want = { index = index, nodes = count, base = 2,
                 host = checks.host(host, "nodeHost", index ~= 1),
                 port = checks.port(port, "nodePort", 0, true) }
  local is_root = index == 1
  local made, peer
  if is_root then
    local server, got = require("ipc").server(want.host, want.port or 0, options.for_connection())
    peer = server
    made = table.pack(pcall(function()
      publish(want.host, got)
      return root(server, want, options)
    end))
  else
    local root_host, root_port = ask(query, options)
    local client = require("ipc").client(root_host, root_port, options.for_connection(true))
    peer = client
    made = table.pack(pcall(node, client, want, options))
  end
  peer:close()
  if not made[1] then error(made[2], 0) end
  return made[2]
end

return {
  discovered = function(...)
    local options, index, count, host, port, publish, query = checks.take_options(...)
    checks.callable(publish, "publish")
    checks.callable(query, "query")
    return discovered(options, index, count, host, port, publish, query)
  end,
  static = function(...)
    local options, index, count, host, port, root_host, root_port = checks.take_options(...)
    index, count = checks.place(index, count)
    if count ~= 1 then
      local is_root = index == 1
      if is_root then
        port = checks.port(port == nil and root_port or port, "nodePort or rootPort", 1)
      end
      -- The root may do without them; if it has them, they are not to be nonsense.
      root_host = checks.host(root_host, "rootHost", is_root)
      root_port = checks.port(is_root and root_port == nil and port or root_port, "rootPort", 1)
    end
    return discovered(options, index, count, host, port, function() end, function()
      return root_host, root_port
    end)
  end,
}
