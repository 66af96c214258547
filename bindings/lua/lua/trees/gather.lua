-- SPDX-License-Identifier: Apache-2.0
-- The root hears from all nodes, in whichever order they come.
local use = ...
local native, checks, set_up = use "core", use "checks", use "set_up"

-- How long, at most, the root does not look who is there, while it waits for one more.
local look_again <const> = 0.5
-- The same while there are connections that say nothing: those may be somebody else's.
local look_soon <const> = 0.05
-- So many nodes are named that have not come.
local names_max <const> = 8

local function check_hello(hello, want)
  if hello.version ~= set_up.version then
    checks.fail("protocol", "a node is of another version: update all hosts to one of ipcrun")
  elseif hello.tree ~= want.tree then
    checks.fail("usage", "a node looks for another tree: is the file it found an old one?")
  elseif hello.nodes ~= want.nodes then
    checks.fail("usage", "numNodes is %d on node 1, and %s on %s", want.nodes,
      tostring(hello.nodes), hello.index and "node " .. tostring(hello.index) or "another node")
  end
  local index = hello.index
  if index ~= nil and (math.type(index) ~= "integer" or index < 2 or index > want.nodes) then
    checks.fail("usage", "nodeIndex %s: nodes but the root have one from 2 to %d", tostring(index),
      want.nodes)
  end
end

-- Those that wish no index get the lowest that are left, in the order in which they came.
local function number(nodes, count)
  local by_index, free = {}, 2
  for _, node in ipairs(nodes) do
    local index = node.hello.index
    if index then
      if by_index[index] then
        checks.fail("usage", "nodeIndex %d was given to two nodes: %s and %s", index,
          by_index[index].about.peer, node.about.peer)
      end
      by_index[index] = node
    end
  end
  for _, node in ipairs(nodes) do
    if not node.hello.index then
      while by_index[free] do free = free + 1 end
      by_index[free] = node
    end
  end
  assert(#nodes == count - 1)
  return by_index
end

-- Which nodes have not come, if those that have told their numbers.
local function missing(nodes, count)
  local there, list = {}, {}
  for _, node in ipairs(nodes) do
    if not node.hello.index then return "" end
    there[node.hello.index] = true
  end
  for i = 2, count do
    if not there[i] then list[#list + 1] = "node " .. i end
  end
  local more = #list - names_max
  return "; not there: " .. table.concat(list, ", ", 1, math.min(#list, names_max))
    .. (more > 0 and (" and %d more"):format(more) or "")
end

-- Those of the server that have said nothing yet; and all that are there, by number.
local function silent_ones(server, heard)
  local ends, numbers = native.hold_clients(server)
  local silent, silent_numbers, there = {}, {}, {}
  for i, an_end in ipairs(ends) do
    there[numbers[i]] = true
    if not heard[numbers[i]] then
      silent[#silent + 1], silent_numbers[#silent + 1] = an_end, numbers[i]
    end
  end
  return silent, silent_numbers, there, #ends
end

--- Nodes 2 to n: { link = end, hello =, about = }. `nodes` gets them as they come, for who
-- must tell them of a failure.
return function(server, want, options, nodes)
  local heard = {}
  while #nodes < want.nodes - 1 do
    local silent, numbers, there, count = silent_ones(server, heard)
    for _, node in ipairs(nodes) do
      if not there[node.number] then
        local index = node.hello.index
        checks.fail("peer_lost", "%s has ended before the tree was there: %s",
          index and "node " .. tostring(index) or "a node", node.about.peer)
      end
    end
    local left = options.left()
    local index
    if #silent > 0 then
      index = native.wait_any(silent, math.min(left, look_soon))
    else
      native.wait_for(server, count + 1, math.min(left, look_again))
    end
    if index then
      local node = { link = silent[index], number = numbers[index] }
      heard[node.number] = true
      local good, hello = pcall(set_up.hear, node.link, options, "a node")
      if good then
        node.about = native.describe_end(node.link)
        node.hello = hello
        nodes[#nodes + 1] = node
        check_hello(hello, want)
      elseif type(hello) ~= "table" or hello.code ~= "peer_lost" then
        error(hello, 0)
      end  -- else it was perhaps none of ours; if it was one, time will be over
    elseif left == 0 then
      local _, who = native.wait_for(server, count + 1, 0)
      checks.fail("timeout", "%d of %d nodes have come within %g s (%s)%s", #nodes + 1, want.nodes,
        options.timeout, who, #nodes == 0 and want.hint and "; " .. want.hint
          or missing(nodes, want.nodes))
    end
  end
  return number(nodes, want.nodes)
end
