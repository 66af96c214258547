-- SPDX-License-Identifier: Apache-2.0
-- The part of all nodes but the root in setting up a tree; see set_up.lua.
local use = ...
local native, checks, set_up = use "core", use "checks", use "set_up"
local tree, links = use "tree", use "links"

-- When time is over for all, the root knows who has not come: its word is waited for.
local root_grace <const> = 1

local function over_memory(root, place, options)
  local group = set_up.in_group(native.join_group, root, options.left())
  local parents = place.parents
  if not parents then
    local hosts = {}
    for i = 1, place.nodes do hosts[i] = 0 end
    parents = native.shape(hosts, place.base)
  end
  return set_up.over_memory(group, parents, place.kind)
end

-- The children, which know the tree, in order.
local function accept(root, server, place, options)
  local found, heard, missing = {}, {}, #place.children
  local function new_ones(seconds)
    local ends, numbers = native.hold_clients(server)
    local new
    for i, an_end in ipairs(ends) do
      if not heard[numbers[i]] then
        heard[numbers[i]], new = true, true
        local good, hello = pcall(set_up.hear, an_end, options, "a child")
        if not good then
          -- Who is lost may be anybody; if it was a child, the root will tell.
          if hello.code ~= "peer_lost" then error(hello, 0) end
        elseif hello.id == place.id and not found[hello.index] then
          found[hello.index], missing = an_end, missing - 1
        end
      end
    end
    return new or native.wait_for(server, #ends + 1, seconds) or nil
  end
  while missing > 0 and set_up.patiently(root, options, new_ones) do end
  local list = {}
  for i, child in ipairs(place.children) do
    list[i] = found[child] or checks.fail("timeout",
      "node %d has not come to node %d, its parent, within %g s", child, place.index,
      options.timeout)
  end
  return list
end

-- The connection to the parent. It listens already; so who refuses has ended, of which the root
-- will tell.
local function connect_to(parent, root, place, options)
  local problem
  local client = set_up.patiently(root, options, function(seconds)
    local wish = options.for_connection()
    wish.timeout = seconds
    local good, client = pcall(require("ipc").client, parent.host, parent.port, wish)
    if good then return client end
    problem = client
    local code = type(problem) == "table" and problem.code or "usage"
    if code ~= "timeout" then
      checks.fail(code, "node %d: %s", place.parent, native.text_of(problem))
    end
  end)
  if not client then checks.fail("timeout", "node %d: %s", place.parent, problem.message) end
  local parent_end = native.hold(client)
  set_up.tell(parent_end, { id = place.id, index = place.index }, options,
    "node " .. place.parent)
  client:close()  -- the tree alone has it
  return parent_end
end

-- Both ends of every link of the tree, but for the root's.
local function connect(root, place, want, options)
  local server, port
  if #place.children > 0 then
    local host = want.host or place.seen_host
    server, port = set_up.listen(host, want.port, options)
    set_up.tell(root, { host = host, port = port }, options, set_up.root)
  end
  local above = set_up.hear(root, options, set_up.root)
  local parent_end = root
  if place.parent ~= 1 then parent_end = connect_to(above, root, place, options) end
  return parent_end, server and accept(root, server, place, options) or {}, server
end

local function over_links(root, place, want, options)
  local good, parent_end, child_ends, server = pcall(connect, root, place, want, options)
  if not good then
    pcall(native.tell, root, set_up.failure_of(parent_end), 1)  -- which tells the others
    error(parent_end, 0)
  end
  set_up.tell(root, { ready = true }, options, set_up.root)
  set_up.hear(root, options, set_up.root)
  if server then server:close() end
  return tree.new(links {
    node = place.index, nodes = place.nodes, parent = place.parent, children = place.children,
    parent_end = parent_end, child_ends = child_ends, tag = place.tag,
  })
end

--- `want`: { index = (or nil), nodes =, host =, port =, tree =, on = (its host's number, or nil) }.
return function(client, want, options)
  local root = native.hold(client)
  set_up.tell(root, {
    version = set_up.version, index = want.index, nodes = want.nodes, tree = want.tree,
    on = want.on,
  }, options, set_up.root)
  local place = set_up.hear(root, options, set_up.root, root_grace)
  if place.how == "memory" then return over_memory(root, place, options) end
  return over_links(root, place, want, options)
end
