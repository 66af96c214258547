-- SPDX-License-Identifier: Apache-2.0
-- Nodes that find the root by a file. `at`: { name = of the file, host = where the root listens,
-- folder = one that hosts share; nil: that of this host }.
local use = ...
local native, checks, root, node, set_up = use "core", use "checks", use "root", use "node",
  use "set_up"

local function make_root(at, want, options)
  local server, port = require("ipc").server(at.host, 0, options.for_connection())
  want.tree = native.random_text()
  local published = native.publish(at.name, at.host, port, want.tree, at.folder)
  -- Before any of them can go on, and call for a next tree by the same name.
  function want.met() native.withdraw(published) end
  local good, result = pcall(root, server, want, options)
  native.withdraw(published)
  server:close()
  if not good then error(result, 0) end
  return result
end

-- The file may be one of a root that has ended since: then there will be another.
local function connect(at, want, options)
  return set_up.patiently(nil, options, function(seconds)
    local host, port, nonce = native.find(at.name, seconds, at.folder)
    if not host then return nil end
    local wish = options.for_connection()
    wish.timeout = seconds
    want.tree = nonce
    local good, client = pcall(require("ipc").client, host, port, wish)
    if good then
      want.host = at.host
      return client
    elseif type(client) ~= "table" or client.code ~= "timeout" and client.code ~= "peer_lost" then
      error(client, 0)
    end
  end)
end

local function make_node(at, want, options)
  local client = connect(at, want, options)
  if not client then
    checks.fail("timeout", "node 1 has not come within %g s; %s", options.timeout, want.hint)
  end
  local good, result = pcall(node, client, want, options)
  client:close()
  if not good then error(result, 0) end
  return result
end

--- `want`: { index =, nodes =, base =, hint = what to do when nobody is found }, and what else
--- root.lua and node.lua know of.
return function(at, want, options)
  if want.index == 1 then return make_root(at, want, options) end
  local good, result = pcall(make_node, at, want, options)
  if good then return result end
  -- The root cannot where it was killed; on this host others see that it was.
  if at.folder and want.tree then native.forget(at.name, want.tree, at.folder) end
  error(result, 0)
end
