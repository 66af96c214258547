-- SPDX-License-Identifier: Apache-2.0
-- How long it takes to start and end 64 ranks on four nodes of a Slurm, beside `srun true` of the
-- same size: as tasks of srun, by each way in which these can find each other; and by ipcrun in an
-- allocation.
--   lua5.4 bench/drive_slurm.lua [--rounds N] [--output FILE]
-- The nodes are pretended hosts (tests/slurm): root is needed, and Debian's slurm-wlm.
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"

local options = driver.options(arg, { rounds = 9 })
local slurm <const> = "tests/slurm/slurm.sh "

local up = driver.capture("cd " .. slurm:match "(.*)slurm.sh"
  .. " && ./slurm.sh up $PPID hosts 4 $(realpath ../..)")
if not up then
  print "bench: there can be no Slurm here"
  os.exit(0)
end
local folder <const> = up:match "[^\n]+"
local on_h1 <const> = ("IPCRUN_CLUSTER=%s IPC_KEY=0123456789abcdef %sexec "):format(folder, slurm)
local stopwatch <const> = on_h1 .. "env PATH=$PWD/build/launcher:$PATH build/bench/spawn_limit 1 "
local join <const> = "build/bindings/lua/interpreter/ipcrun-lua bench/world.lua"

local function by_srun(name, way, mpi, goal)
  local srun = "srun --quiet --overcommit -N4 -n64 --mpi=" .. mpi .. " "
  return { bench = "slurm", title = "64 ranks on 4 nodes, " .. name, ranks = 64,
    goal_more_us = goal, beside = "srun true", contestants = {
      { "ipcrun", "ipcrun",
        stopwatch .. srun .. "--export=ALL,IPCRUN_BOOTSTRAP=" .. way .. " " .. join },
      { "srun true", "srun", stopwatch .. srun .. "true" } } }
end

local groups <const> = {
  by_srun("PMI-1, --mpi=none", "pmi1", "none", 300e3),
  by_srun("PMI-2", "pmi2", "pmi2"),
  by_srun("PMIx", "pmix", "pmix"),
  by_srun("Slurm's variables", "slurm", "none"),
  { bench = "slurm", title = "64 ranks on 4 nodes, ipcrun in a job", ranks = 64,
    beside = "srun true", contestants = {
      { "ipcrun", "ipcrun", stopwatch .. "salloc --quiet -N4 -n16 ipcrun -n 64 bench/world.lua" },
      { "srun true", "srun", stopwatch .. "salloc --quiet -N4 -n16 "
        .. "srun --quiet --overcommit -N4 -n64 --mpi=none true" } } },
}

require "groups".run(groups, options)
driver.capture("IPCRUN_CLUSTER=" .. folder .. " " .. slurm .. "down")
