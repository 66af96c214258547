-- SPDX-License-Identifier: Apache-2.0
-- What `require` gives for each of the modules of trees.
local use = ...
local native = use "core"
local checks, root, node, null = use "checks", use "root", use "node", use "null"
local discovered, localhost, policy = use "discovered", use "localhost", use "tree"
local slurm = use "slurm"

local function kind_of(value)
  return native.is_client(value) and "a client" or native.is_server(value) and "a server"
    or "a " .. type(value)
end

local function tree(...)
  local options, index, count, base, server, client, host, port, build = checks.take_options(...)
  index, count = checks.place(index, count)
  base = checks.integer(base == nil and 2 or base, "base", 2)
  if build ~= nil and type(build) ~= "function" then
    error(("buildTree: expected a function, got a %s"):format(type(build)), 0)
  end
  local want = { index = index, nodes = count, base = base, build = build,
                 host = checks.host(host, "host", true), port = checks.port(port, "port", 0, true) }
  if count == 1 then return null() end
  if (server == nil) == (client == nil) then
    error("the root has a server, and each other node a client: exactly one of the two", 0)
  elseif server ~= nil and index ~= nil and index ~= 1 then
    error(("the root has the server, and is node 1; nodeIndex is %d"):format(index), 0)
  elseif server == nil and index == 1 then
    error("node 1 is the root, which has a server", 0)
  end
  if server ~= nil and not native.is_server(server) then
    error("server: expected one of ipc.server, got " .. kind_of(server), 0)
  elseif client ~= nil and not native.is_client(client) then
    error("client: expected one of ipc.client, got " .. kind_of(client), 0)
  end
  if server ~= nil then return root(server, want, options) end
  return node(client, want, options)
end

-- Calls from outside: no tail calls, so that errors name lines of the caller.
local function public(name, f)
  return function(...)
    local result = checks.named(name, 2, f, ...)
    return result
  end
end

return {
  ["ipc.Tree"] = public("Tree", tree),
  ["ipc.StaticTree"] = public("StaticTree", discovered.static),
  ["ipc.DiscoveredTree"] = public("DiscoveredTree", discovered.discovered),
  ["ipc.LocalhostTree"] = public("LocalhostTree", localhost),
  ["ipc.SlurmTree"] = public("SlurmTree", slurm),
  ["ipc.NullTree"] = null,
  ["ipc.utils"] = { walkTable = function(t, f) policy.walk(t, f) end },
}
