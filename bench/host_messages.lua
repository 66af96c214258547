-- SPDX-License-Identifier: Apache-2.0
-- A message between two hosts, one way: ours beside fi_pingpong of libfabric by each provider that
-- goes over TCP, which is the network that pretended hosts have.
local driver = require "driver"
local M = {}

-- What fi_pingpong is told. `sockets` is missing: milliseconds a message on two cores.
local providers <const> = {
  { "net, tagged", "-p net -e rdm -m tagged" },
  { "net", "-p net -e rdm -m msg" },
  { "tcp, connected", "-p tcp -e msg" },
  { "tcp;ofi_rxm, tagged", "-p tcp;ofi_rxm -e rdm -m tagged" },
}
-- Times as long as the best of them: for the latency, and for 85 % of the bandwidth. 64 KiB is
-- between: ours is announced there, and waits for its receiver, where theirs leaves at once.
local latency_goal <const>, bandwidth_goal <const> = 1.3, 1 / 0.85
-- Bytes, how often, goal.
local sizes <const> = { { 8, 5000, latency_goal }, { 64 << 10, 2000 },
  { 1 << 20, 200, bandwidth_goal }, { 16 << 20, 20, bandwidth_goal } }
local fabric_port <const>, own_port <const> = 47592, 47600

local function group_of(cluster, bytes, count, goal)
  local function on_two_hosts(port, first, second)
    return ("IPCRUN_CLUSTER=%s bench/on_two_hosts.sh %d '%s' '%s'"):format(cluster, port, first,
      second)
  end
  local ours = "build/bench/hosts_message %d "
    .. ("10.77.0.1:%d 10.77.0.2:%d %d %d"):format(own_port, own_port, bytes, count)
  local contestants = { { "ipcrun", "build/bench/hosts_message",
    on_two_hosts(own_port, ours:format(1), ours:format(0)) } }
  local beside = {}
  for _, provider in ipairs(providers) do
    local name, arguments = table.unpack(provider)
    local command = ("fi_pingpong %s -S %d -I %d"):format(arguments, bytes, count)
    contestants[#contestants + 1] = { name, "fi_pingpong",
      -- The last line ends with bandwidth, microseconds a message, and messages a microsecond.
      on_two_hosts(fabric_port, command, command .. " 10.77.0.2") .. " | awk 'END {print $7}'" }
    beside[#beside + 1] = name
  end
  return { bench = "host message", ranks = 2, bytes = bytes, contestants = contestants,
    title = "a message of " .. driver.format_bytes(bytes) .. " between 2 hosts", beside = beside,
    goal = goal }
end

---For groups.run(). `cluster`: the folder of the pretended hosts.
function M.groups(cluster)
  local groups = {}
  for _, size in ipairs(sizes) do groups[#groups + 1] = group_of(cluster, table.unpack(size)) end
  return groups
end

return M
