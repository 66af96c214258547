-- SPDX-License-Identifier: Apache-2.0
-- How a tree comes about: every node tells the root what it wishes, and the root tells every node
-- where it stands, in messages beside those of the user of the connection. No message grows with
-- the number of nodes, but where buildTree gives the shape of nodes that share memory.
--
--   node  hello   what it wishes: index, nodes; where it can listen; which tree it looks for
--   root  place   index, nodes, how: "memory" | "links" (parent, children, tag, tree)
--   memory:       both call upon the group, whose first operation is the start
--   links:
--     node  listening  if it has children of its own and is not the root: where
--     root  parent     where that listens, unless it is the root
--     node  ready      it has its parent and its children
--     root  start
--
-- In the place of any message stands { failure = text, code = }, which the root passes on to all.
local use = ...
local native, checks, tree = use "core", use "checks", use "tree"
local set_up = {}

--- What errors call the root.
set_up.root = "node 1"

--- Of the messages; nodes of other versions are refused.
set_up.version = 1

-- Errors of the connection to `who`, with its name.
local function about(who, f, ...)
  local good, result = pcall(f, ...)
  if good then return result end
  checks.fail(type(result) == "table" and result.code or "usage", "%s: %s", who,
    native.text_of(result))
end

--- Sends a message to `who`.
function set_up.tell(an_end, message, options, who)
  about(who, native.tell, an_end, message, options.left())
end

--- The next message of an end, of `who`. Raises what it tells of a failure. `grace`: seconds more
--- than are left.
function set_up.hear(an_end, options, who, grace)
  local message = about(who, native.hear, an_end, options.left() + (grace or 0))
  if type(message) ~= "table" then
    checks.fail("protocol", "%s: got a %s, which no tree sends", who, type(message))
  end
  if message.failure ~= nil then
    checks.fail(tostring(message.code), "%s", tostring(message.failure))
  end
  return message
end

--- Calls f(seconds) until it gives something, in pieces of time that grow; between them it may be
-- that `root` tells of a failure, which is raised.
function set_up.patiently(root, options, f)
  local seconds = 0.5
  repeat
    local result = f(math.min(seconds, options.left()))
    if result ~= nil then return result end
    if root and native.wait_any({ root }, 0) then
      set_up.hear(root, options, set_up.root)
      checks.fail("protocol", "%s: a message before its time", set_up.root)
    end
    seconds = 2 * seconds
  until options.left() == 0
end

--- A failure as a message. Who gets it adds nothing.
function set_up.failure_of(problem)
  local is_ours = type(problem) == "table"
  return { failure = native.text_of(problem), code = is_ours and problem.code or "usage" }
end

--- Listens where a node was told to, else where it can be reached; a port that is taken is replaced
--- by another, since the others are told which one it is.
function set_up.listen(host, port, options)
  local ipc = require "ipc"
  local good, server, got = pcall(ipc.server, host, port or 0, options.for_connection())
  if not good and port and port ~= 0 then
    good, server, got = pcall(ipc.server, host, 0, options.for_connection())
  end
  if not good then error(server, 0) end
  return server, got
end

--- Founds or joins a group by `f`; its errors count members from 0, as ranks.
function set_up.in_group(f, ...)
  local good, result = pcall(f, ...)
  if good then return result end
  local text = native.text_of(result):gsub("member (%d+)", function(member)
    return ("node %d"):format(member + 1)
  end)
  checks.fail(type(result) == "table" and result.code or "usage", "%s", text)
end

--- The tree over a communicator of all nodes. `base`, or a list of parents, gives its shape.
function set_up.over_memory(communicator, parents, kind)
  local place = { children = {}, root = 1 }
  local me = communicator.rank + 1
  for node, parent in ipairs(parents) do
    if parent == me then table.insert(place.children, node) end
  end
  if parents[me] ~= 0 then place.parent = parents[me] end
  local engine = use "members"(communicator, place, {
    names_nodes = true, kind = kind,
    reason = kind == "process" and "all nodes are threads of one process"
      or "all nodes can map the memory of each other",
  })
  engine:call(0, "barrier")
  return tree.new(engine)
end

return set_up
