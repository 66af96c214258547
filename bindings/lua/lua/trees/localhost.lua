-- SPDX-License-Identifier: Apache-2.0
-- LocalhostTree: nodes that one shell started on one host find each other by a file.
local use = ...
local native, checks, root, node = use "core", use "checks", use "root", use "node"
local null, set_up = use "null", use "set_up"

-- Who finds nobody looks for another file than they do.
local hint <const> = "start all nodes by one process, or give all the same ppid, the third argument"

local function make_root(name, want, options)
  local server, port = require("ipc").server("127.0.0.1", 0, options.for_connection())
  want.tree = native.random_text()
  local published = native.publish(name, "127.0.0.1", port, want.tree)
  local good, result = pcall(root, server, want, options)
  native.withdraw(published)
  server:close()
  if not good then error(result, 0) end
  return result
end

-- The file may be one of a root that has ended since: then there will be another.
local function connect(name, want, options)
  return set_up.patiently(nil, options, function(seconds)
    local host, port, nonce = native.find(name, seconds)
    if not host then return nil end
    local wish = options.for_connection()
    wish.timeout = seconds
    local good, client = pcall(require("ipc").client, host, port, wish)
    if good then
      want.tree, want.host = nonce, "127.0.0.1"
      return client
    elseif type(client) ~= "table" or client.code ~= "timeout" and client.code ~= "peer_lost" then
      error(client, 0)
    end
  end)
end

local function make_node(name, want, options)
  local client = connect(name, want, options)
  if not client then
    checks.fail("timeout", "node 1 has not come within %g s; %s", options.timeout, want.hint)
  end
  local good, result = pcall(node, client, want, options)
  client:close()
  if not good then error(result, 0) end
  return result
end

return function(...)
  local options, index, count, ppid = checks.take_options(...)
  index, count = checks.place(index, count)
  ppid = ppid == nil and native.parent_pid() or ppid
  if not tostring(ppid):find("^[%w_.-]+$") then
    error("ppid: expected a number, or letters and digits, got " .. tostring(ppid), 0)
  end
  if count == 1 then return null() end
  local name = "tree-" .. tostring(math.tointeger(ppid) or ppid)
  local want = { index = index, nodes = count, base = 2,
                 hint = ("%s (here it is '%s')"):format(hint, ppid) }
  if index == 1 then return make_root(name, want, options) end
  return make_node(name, want, options)
end
