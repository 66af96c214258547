-- SPDX-License-Identifier: Apache-2.0
-- As allocation_failure_ipc_script.lua: trees.
local ipc = require "ipc"
local torch = require "torch"
local tree = ipc.tree()
local t = torch.ones(2)
assert(tree.allReduce(t, function(a, b) return a:add(b) end) == t)
local value, n = tree.allReduce({ 1, x = { t, "s" } }, function(a) return a end)
assert(n == 1 and value.x[2] == "s")
assert(tree.allReduce(nil, "sum", function() return 0 end)[1] == 0)
tree.walkTable({ 1, { 2 } }, function(leaf) return leaf end)
assert(tree.scatter("x") == "x")
assert(not pcall(tree.allReduce, { [true] = 1 }, "sum") and not pcall(tree.allReduce, 1))
