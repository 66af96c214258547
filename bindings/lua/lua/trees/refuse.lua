-- SPDX-License-Identifier: Apache-2.0
-- The root tells all nodes that come why there is no tree.
local use = ...
local native, set_up = use "core", use "set_up"

-- So long, at most, it waits for those who come late; they come at about the same time as others.
local late_max <const> = 1
-- How long it waits for anything at once: what is said, or who comes.
local look_again <const> = 0.05

local function tell(an_end, failure)
  pcall(native.tell, an_end, failure, 1)  -- who is lost hears of it so
end

-- The ends of the server's clients that are not told yet, and their numbers.
local function untold(server, told)
  local ends, numbers = native.hold_clients(server)
  local rest, rest_numbers = {}, {}
  for i, an_end in ipairs(ends) do
    if not told[numbers[i]] then
      rest[#rest + 1], rest_numbers[#rest + 1] = an_end, numbers[i]
    end
  end
  return rest, rest_numbers, #ends
end

-- Tells those that still say what they wish, until all have or time is over. What they say is
-- read, so that no later tree on these connections takes it for its own.
local function await_late_ones(server, failure, told, missing, options)
  local clock = require("ipc").clock
  local deadline = clock() + math.min(late_max, options.left())
  while missing > 0 and clock() < deadline do
    local rest, numbers, count = untold(server, told)
    local index
    if #rest > 0 then
      index = native.wait_any(rest, look_again)
    else
      native.wait_for(server, count + 1, look_again)
    end
    if index then
      told[numbers[index]] = true
      if pcall(set_up.hear, rest[index], options, "a node") then
        missing = missing - 1
        tell(rest[index], failure)
      end
    end
  end
end

--- `nodes`: those that have said what they wish already; `count`: how many nodes there are to be.
return function(server, failure, nodes, count, options)
  local told = {}
  for _, node in ipairs(nodes) do
    tell(node.link, failure)
    told[node.number] = true
  end
  local missing = count - 1 - #nodes
  if missing == 0 then return end
  -- Whatever goes wrong here hides nothing: the failure is raised, and the others time out.
  pcall(function()
    await_late_ones(server, failure, told, missing, options)
    for _, an_end in ipairs((untold(server, told))) do tell(an_end, failure) end
  end)
end
