-- SPDX-License-Identifier: Apache-2.0
-- An allreduce of f32 on four hosts of four ranks each: ours beside Open MPI over TCP, as it is and
-- at its best. docs/benchmarks.md has the reasons for its settings.
local driver = require "driver"
local M = {}

local hosts <const>, slots <const>, port_range <const> = 4, 4, "10.77.0.0/24"
-- With sixteen ranks on few cores it does not finish a round in minutes where ranks spin, so its
-- default is not measured at every size.
local default_sizes <const> = { [8] = true, [65536] = true, [1 << 20] = true, [16 << 20] = true }
local sizes <const> = { 8, 64, 1024, 4096, 16384, 65536, 262144, 1 << 20, 4 << 20, 16 << 20,
  64 << 20 }

local tuned <const> = " --mca btl vader,tcp,self --mca btl_tcp_if_include " .. port_range
  .. " --mca mpi_yield_when_idle 1 --mca btl_vader_single_copy_mechanism none"
local by_rabenseifner <const> = tuned .. " --mca coll_tuned_use_dynamic_rules 1"
  .. " --mca coll_tuned_allreduce_algorithm 6"

local function list_of_hosts()
  local list = {}
  for host = 1, hosts do list[host] = ("h%d:%d"):format(host, slots) end
  return table.concat(list, ",")
end

local function contestant(on_h1, name, program, launch, bytes)
  return { name, program, ("%s timeout 120 %s allreduce %d 2>&1"
    .. " | sed -n 's/.*\"p50_us\":\\([0-9.e+]*\\).*/\\1/p'"):format(on_h1, launch, bytes) }
end

local function group_of(on_h1, bytes)
  local list = list_of_hosts()
  local function openmpi(name, options)
    local program = "build/bench/mpi_collectives.openmpi"
    return contestant(on_h1, name, program, ("mpirun.openmpi --allow-run-as-root --oversubscribe"
      .. " --bind-to none -host %s -n %d%s %s"):format(list, hosts * slots, options, program),
      bytes)
  end
  local contestants = {
    contestant(on_h1, "ipcrun", "build/bench/ipcrun_collectives",
      ("build/launcher/ipcrun --hosts %s build/bench/ipcrun_collectives"):format(list), bytes),
    openmpi("Open MPI tuned", tuned),
    openmpi("Open MPI Rabenseifner", by_rabenseifner),
  }
  local beside = { "Open MPI tuned", "Open MPI Rabenseifner" }
  if default_sizes[bytes] then
    contestants[#contestants + 1] = openmpi("Open MPI default", "")
    beside[#beside + 1] = "Open MPI default"
  end
  return { bench = "host allreduce", ranks = hosts * slots, bytes = bytes, beside = beside,
    title = ("allreduce of %s on 4 hosts x 4 ranks"):format(driver.format_bytes(bytes)),
    contestants = contestants, goal = 1, slow = bytes >= 16 << 20 }
end

---For groups.run(). `on_h1`: what runs a command on the first of the pretended hosts.
function M.groups(on_h1)
  local groups = {}
  for _, bytes in ipairs(sizes) do groups[#groups + 1] = group_of(on_h1, bytes) end
  return groups
end

return M
