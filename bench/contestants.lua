-- SPDX-License-Identifier: Apache-2.0
-- Who is measured, and how each starts `ranks` ranks of its program for a bench. docs/benchmarks.md
-- has the reasons for the settings of the peers.
local M = {}

---Launchers need to know whether ranks have a core each.
local function openmpi(tuning)
  return function(ranks, cpus)
    local command = "mpirun.openmpi --allow-run-as-root -n " .. ranks
    if ranks > cpus then
      command = command .. " --oversubscribe --bind-to none"
      if tuning then command = command .. " --mca mpi_yield_when_idle 1" end
    else
      command = command .. " --bind-to core"
    end
    return command .. (tuning or "")
  end
end

local openmpi_tuning <const> = " --mca btl_vader_single_copy_mechanism none"
  .. " --mca btl_vader_eager_limit 32768 --mca btl_vader_max_send_size 131072"
  .. " -x MALLOC_MMAP_MAX_=0 -x MALLOC_TRIM_THRESHOLD_=-1"

local function ipcrun(ranks) return "ipcrun -n " .. ranks end

local function mpich(ranks, cpus)
  return ("mpiexec.hydra -n %d%s"):format(ranks, ranks > cpus and "" or " -bind-to core")
end

-- `program` takes the name of the bench. `hangs_back`: with more ranks than cores its ranks spin
-- while others need the core; it then gets few sizes, and one round. `benches`: those it has a
-- program for, by default all. `only`: the one kind of collective that it knows.
local everybody <const> = {
  { name = "ipcrun", program = "build/bench/ipcrun_%s", launch = ipcrun },
  { name = "ipcrun Lua", program = "bench/%s.lua", launch = ipcrun,
    benches = { collectives = true }, only = "allreduce" },
  { name = "limit", program = "build/bench/limit_%s", launch = function() return "env" end,
    benches = { collectives = true, pingpong = true }, is_limit = true },
  { name = "Open MPI tuned", program = "build/bench/mpi_%s.openmpi", peer = true,
    launch = openmpi(openmpi_tuning) },
  { name = "Open MPI default", program = "build/bench/mpi_%s.openmpi", peer = true,
    launch = openmpi(nil) },
  { name = "MPICH", program = "build/bench/mpi_%s.mpich", peer = true, hangs_back = true,
    launch = mpich },
}

M.peers = {}
for _, contestant in ipairs(everybody) do
  if contestant.peer then M.peers[#M.peers + 1] = contestant.name end
end

local function entered(contestant, bench)
  local program = contestant.program:format(bench)
  return setmetatable({ command = function(ranks, cpus, arguments)
    local own = contestant.is_limit and bench == "collectives" and " " .. ranks or ""
    return ("%s %s%s %s"):format(contestant.launch(ranks, cpus), program, own, arguments)
  end }, { __index = contestant })
end

---Those whose program for `bench` is here, each with `command(ranks, cpus, arguments)`; and the
---names of the others.
function M.for_bench(bench, has_file)
  local present, missing = {}, {}
  for _, contestant in ipairs(everybody) do
    if not contestant.benches or contestant.benches[bench] then
      if has_file(contestant.program:format(bench)) then
        present[#present + 1] = entered(contestant, bench)
      else
        missing[#missing + 1] = contestant.name
      end
    end
  end
  return present, missing
end

return M
