-- SPDX-License-Identifier: Apache-2.0
-- As allocation_failure_tree_script.lua: trees over connections. The other node is a thread, whose
-- memory does not fail; it ends when this one does.
local ipc = require "ipc"
local torch = require "torch"
local Tree = require "ipc.Tree"

local function other(client, link)
  local tree = require "ipc.Tree"(nil, 2, 2, nil, client, { timeout = 20, link = link })
  local t = require "torch".ones(2)
  tree.allReduce(t, "sum")
  tree.allReduce({ 1, t }, function(a) return a end)
  tree.scatter("y")
end

local function of(link)
  local server <close>, port = ipc.server { link = link, key = "a key of this test" }
  local client <close> = ipc.client(port, { key = "a key of this test", timeout = 20 })
  local map = ipc.map(1, other, client, link)
  local tree = Tree(1, 2, 2, server, nil, { timeout = 20, link = link })
  local t = torch.ones(2)
  assert(tree.allReduce(t, "sum"):sum() == 4)
  assert(tree.allReduce({ 1, t }, function(a) return a end)[2] == t)
  assert(tree.scatter("x") == "x")
  map:join()
end

of "socket"
of()
