-- SPDX-License-Identifier: Apache-2.0
-- The root's part in setting up a tree; see set_up.lua.
local use = ...
local native, checks, set_up = use "core", use "checks", use "set_up"
local tree, links, gather, refuse = use "tree", use "links", use "gather", use "refuse"

-- Tags of trees on connections: those of one root's are never the same.
local next_tag = 16
-- More nodes than that share no group.
local members_max <const> = 1000

-- The shape of the user's own function, checked.
local function built_shape(build, count)
  local parents = native.call(build, count)
  if type(parents) ~= "table" or #parents ~= count then
    checks.fail("usage", "buildTree: expected a list of %d parents", count)
  end
  local clean = {}
  for node = 1, count do
    local parent = math.tointeger(parents[node])
    if not parent or parent < 0 or parent > count or (parent == 0) ~= (node == 1) then
      checks.fail("usage", "buildTree: node %d has the parent %s; node 1 alone has 0", node,
        tostring(parents[node]))
    end
    clean[node] = parent
  end
  for node = 1, count do
    local above, steps = node, 0
    while clean[above] ~= 0 do
      above, steps = clean[above], steps + 1
      if steps > count then checks.fail("usage", "buildTree: node %d is below itself", node) end
    end
  end
  return clean
end

-- A number for each node's host, which the nodes were told, or else as far as one can know.
local function hosts_of(nodes, want)
  local hosts, numbers, last = { 0 }, {}, 0
  if want.on then numbers[want.on] = 0 end
  for i = 2, want.nodes do
    local about, on = nodes[i].about, nodes[i].hello.on
    if on == nil and about.shareable then
      hosts[i] = 0
    else
      local name = on == nil and about.host or on
      if not numbers[name] then
        last = last + 1
        numbers[name] = last
      end
      hosts[i] = numbers[name]
    end
  end
  return hosts
end

local function children_lists(parents)
  local children = {}
  for node = 1, #parents do children[node] = {} end
  for node, parent in ipairs(parents) do
    if parent > 0 then table.insert(children[parent], node) end
  end
  return children
end

local function over_memory(nodes, want, options, parents)
  local ends, kind = {}, "process"
  for i = 2, want.nodes do
    ends[i - 1] = nodes[i].link
    if nodes[i].about.kind ~= "process" then kind = "memory" end
  end
  for i = 2, want.nodes do
    local good, why = pcall(set_up.tell, nodes[i].link, {
      how = "memory", index = i, nodes = want.nodes, kind = kind, base = want.base,
      parents = want.build and parents,
    }, options, "node " .. i)
    -- Who is lost lacks in the group, of which all hear that call upon it already.
    if not good and why.code ~= "peer_lost" then error(why, 0) end
  end
  local group = set_up.in_group(native.found_group, ends, options.left())
  return set_up.over_memory(group, parents, kind)
end

-- One message of each node that is to send one, in whichever order they come.
local function hear_all(nodes, senders, options, handle)
  local waiting, who = {}, {}
  for i, node in ipairs(senders) do waiting[i], who[i] = nodes[node].link, node end
  while #waiting > 0 do
    local index = native.wait_any(waiting, options.left())
    if not index then
      checks.fail("timeout", "node %d was not ready within %g s", who[1], options.timeout)
    end
    local message = set_up.hear(waiting[index], options, "node " .. who[index])
    handle(who[index], message)
    table.remove(waiting, index)
    table.remove(who, index)
  end
end

local function over_links(nodes, want, options, parents)
  local children, tag, id = children_lists(parents), next_tag, native.random_text()
  next_tag = next_tag + 1
  local listeners, others = {}, {}
  for i = 2, want.nodes do
    set_up.tell(nodes[i].link, {
      how = "links", index = i, nodes = want.nodes, parent = parents[i], children = children[i],
      tag = tag, id = id, seen_host = nodes[i].about.host,
    }, options, "node " .. i)
    others[#others + 1] = i
    if #children[i] > 0 then listeners[#listeners + 1] = i end
  end
  local listening = {}
  hear_all(nodes, listeners, options, function(node, message) listening[node] = message end)
  for i = 2, want.nodes do
    local above = listening[parents[i]]
    set_up.tell(nodes[i].link, above and { host = above.host, port = above.port } or {}, options,
      "node " .. i)
  end
  hear_all(nodes, others, options, function() end)
  local child_ends = {}
  for i, child in ipairs(children[1]) do child_ends[i] = nodes[child].link end
  local engine = links { node = 1, nodes = want.nodes, children = children[1],
                         child_ends = child_ends, tag = tag }
  for i = 2, want.nodes do
    set_up.tell(nodes[i].link, { start = true }, options, "node " .. i)
  end
  return tree.new(engine)
end

--- `want`: { nodes =, base =, build =, tree =, on = (number of its host, or nil),
--- shape = (of hosts, or nil), met = (called when all have come, or nil) }.
return function(server, want, options)
  local nodes = {}
  local function make()
    local by_index = gather(server, want, options, nodes)
    if want.met then want.met() end
    local all_share = options.link ~= "socket" and want.nodes <= members_max
    for i = 2, want.nodes do all_share = all_share and by_index[i].about.shareable end
    local parents
    if want.build then
      parents = built_shape(want.build, want.nodes)
    else
      local hosts = hosts_of(by_index, want)
      if all_share then for i = 1, want.nodes do hosts[i] = 0 end end
      local shape = not all_share and want.shape or native.shape
      parents = shape(hosts, want.base)
    end
    if all_share then return over_memory(by_index, want, options, parents) end
    return over_links(by_index, want, options, parents)
  end
  local good, result = pcall(make)
  if good then return result end
  refuse(server, set_up.failure_of(result), nodes, want.nodes, options)
  error(result, 0)
end
