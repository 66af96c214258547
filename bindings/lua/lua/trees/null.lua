-- SPDX-License-Identifier: Apache-2.0
-- The tree of one node alone: reductions give what they are given.
local use = ...
local tree, alone = use "tree", use "alone"

return function() return tree.new(alone()) end
