-- SPDX-License-Identifier: Apache-2.0
-- What carries the tree of one node: nothing moves, and all is checked as where it does.
local use = ...
local native = use "core"

local Alone = {}
Alone.__index = Alone

function Alone:agree() return true end

-- Raises for what cannot be combined.
function Alone:layout(value, op)
  local good, why = pcall(native.check_value, value, op)
  if not good then error(why, 0) end
  return 0
end

function Alone:allreduce() end

function Alone:raise_together(failure)
  native.raise("usage", nil, ("%s: %s node 1: %s"):format(failure.call or "allReduce",
    failure.what or "the function failed on", failure.text))
end

function Alone:settle(leaves) return table.move(leaves, 1, leaves.n, 1, {}) end

function Alone:scatter(value)
  local good, why = pcall(native.check_sendable, value)
  if not good then
    self:raise_together { call = "scatter", what = "the value cannot be sent from",
                          text = type(why) == "string" and native.at_line(why)
                            or native.text_of(why) }
  end
  return value
end

function Alone:links() return {} end

function Alone:statistics() return {} end

return function() return setmetatable({ node = 1, nodes = 1, children = {} }, Alone) end
