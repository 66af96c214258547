-- SPDX-License-Identifier: Apache-2.0
-- Hosts with cores, and children dealt out to them.
local use <const> = ...
local core, state, errors = use "core", use "state", use "errors"
local options, start, far = use "options", use "start", use "far"
local parallel = state.parallel

parallel.remotes = { cores = 0 }

---parallel.addremote({ip=, cores=, lua=, protocol=}, …), or one list of such tables.
function parallel.addremote(first, ...)
  local remotes = { first, ... }
  if type(first) == "table" and type(first[1]) == "table" then remotes = first end
  for i, remote in ipairs(remotes) do
    if type(remote) ~= "table" or type(remote.ip) ~= "string" then
      errors.usage("addremote: remote %d has no ip", i)
    end
    start.check_host(remote.ip, "addremote")
    far.check_protocol(remote.protocol, "addremote")
    local cores = options.integer(remote.cores)
    if cores == nil or cores < 1 then
      errors.usage("addremote: the cores of %s must be an integer, 1 or more", remote.ip)
    end
  end
  for _, remote in ipairs(remotes) do
    remote.cores = options.integer(remote.cores)
    table.insert(parallel.remotes, remote)
    parallel.remotes.cores = parallel.remotes.cores + remote.cores
  end
end

local function fork_on(remote, fork)
  local child = fork(remote.ip, remote.protocol, remote.lua)
  child.remote, child.speed = remote, remote.speed or 1
  remote.cores = remote.cores - 1
  parallel.remotes.cores = parallel.remotes.cores - 1
  return child
end

---n children: one after the other on each remote that has a core left, and on all of them when none
---has.
function parallel.sfork(n)
  local count = options.integer(n)
  if count == nil or count < 0 then
    errors.usage("sfork: the number of processes must be an integer, 0 or more")
  end
  local remotes = parallel.remotes
  if #remotes == 0 then return parallel.nfork(count) end
  return start.group(function(group, fork)
    local has_warned = false
    while #group < count do
      local is_full = remotes.cores <= 0
      if is_full and not has_warned then
        io.stderr:write("WARNING: forking more processes than cores available\n")
        has_warned = true
      end
      for _, remote in ipairs(remotes) do
        if #group < count and (is_full or remote.cores > 0) then
          fork_on(remote, fork)
        end
      end
    end
  end)
end

---Sets parallel.ip to the address of the interface, or of the first of a list that has one; without
---any to that of the first interface but the loopback.
function parallel.autoip(interfaces)
  if type(interfaces) ~= "table" then interfaces = { interfaces } end
  if #interfaces == 0 then
    parallel.ip = core.address() or parallel.ip
    return
  end
  for _, interface in ipairs(interfaces) do
    if type(interface) ~= "string" then
      errors.usage("autoip: an interface is a name, and this is a %s", type(interface))
    end
  end
  for _, interface in ipairs(interfaces) do
    local address = core.address(interface)
    if address then
      parallel.ip = address
      return
    end
  end
  errors.usage("autoip: no interface %s has an address", table.concat(interfaces, ", "))
end

return true
