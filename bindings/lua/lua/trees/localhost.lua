-- SPDX-License-Identifier: Apache-2.0
-- LocalhostTree: nodes that one shell started on one host find each other by a file.
local use = ...
local native, checks, null, meet = use "core", use "checks", use "null", use "meeting"

-- Who finds nobody looks for another file than they do.
local hint <const> = "start all nodes by one process, or give all the same ppid, the third argument"

return function(...)
  local options, index, count, ppid = checks.take_options(...)
  index, count = checks.place(index, count)
  ppid = ppid == nil and native.parent_pid() or ppid
  if not tostring(ppid):find("^[%w_.-]+$") then
    error("ppid: expected a number, or letters and digits, got " .. tostring(ppid), 0)
  end
  if count == 1 then return null() end
  local at = { name = "tree-" .. tostring(math.tointeger(ppid) or ppid), host = "127.0.0.1" }
  return meet(at, { index = index, nodes = count, base = 2,
                    hint = ("%s (here it is '%s')"):format(hint, ppid) }, options)
end
