-- SPDX-License-Identifier: Apache-2.0
-- Trees whose nodes do not all do the same: it works, or is an error on all, on all ways to carry
-- them.
local t = require "tap"
local nodes = require "nodes"

-- Groups that share memory, and sockets.
local ways <const> = { { "by memory" }, { "by sockets", "socket" } }

local function each_way(sentence, n, name, ...)
  for _, way in ipairs(ways) do
    local given = table.pack(...)
    t.test(("trees: %s, %s"):format(sentence, way[1]), function()
      nodes.threads({ n = n, link = way[2], way = way[2], bodies = "unlike" }, name,
        table.unpack(given, 1, given.n))
    end)
  end
end

each_way("one node's function is not known", 4, "functions")
each_way("a tensor and a table with one fit each other", 3, "wrapped")
each_way("what a known function looks up may change", 3, "upvalues")
each_way("a key that one node has and another not is named", 3, "keys")
for culprit = 1, 3 do
  each_way("a value that cannot go, of node " .. culprit .. ", is an error on all", 3, "values",
    culprit)
end
each_way("names of operators that differ are a mismatch", 3, "operators")
t.test("trees: a function that is scattered along connections is an error on all", function()
  nodes.threads({ n = 3, bodies = "unlike", link = "socket" }, "scatter_function")
end)
each_way("a value that cannot be scattered is an error on all", 3, "scatter")
t.test("trees: different calls are an error on all, by memory", function()
  nodes.threads({ n = 3, bodies = "unlike" }, "calls")
end)

t.done()
