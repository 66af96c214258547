-- SPDX-License-Identifier: Apache-2.0
-- The examples that make trees do what they say.
local t = require "tap"
local ipc = require "ipc"

local program <const>, examples <const> = arg[1], arg[2]

local function output_of(name, ...)
  local process = ipc.spawn { file = program, args = { examples .. "/" .. name, ... } }
  local text = process:stdout "*a" or ""
  t.equal(process:wait(), 0, "status: " .. text)
  return text
end

for _, link in ipairs { "", "socket" } do
  t.test("allreduce_tree.lua sums over processes, links: " .. link, function()
    local text = output_of("allreduce_tree.lua", "--numNodes", "3", "--elements", "1000", "--link",
      link)
    for i = 1, 3 do
      t.equal(text:find(("node %d of 3: the sum is 6, of 3 nodes"):format(i), 1, true) ~= nil, true,
        text)
    end
    t.equal(text:find("the longest text is xxx", 1, true) ~= nil, true, text)
  end)
end

t.test("elastic_averaging.lua finds one line on all nodes", function()
  local text = output_of("elastic_averaging.lua", "--numNodes", "3")
  for i = 1, 3 do
    t.equal(text:find(("node %d: y = 3.00 x1 + -2.00 x2 + 0.50"):format(i), 1, true) ~= nil, true,
      text)
  end
end)

t.done()
