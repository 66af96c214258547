-- SPDX-License-Identifier: Apache-2.0
-- How long it takes to start and end a job: ipcrun beside Open MPI, MPICH and bare posix_spawn.
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"

local options = driver.options(arg, { rounds = 15 })
local stopwatch <const> = "build/bench/spawn_limit 1 "
local openmpi <const> = "mpirun.openmpi --allow-run-as-root --oversubscribe --bind-to none "

local groups <const> = {
  { bench = "startup", title = "8 x true",
    ranks = 8, goal = 1.3, beside = "MPICH", contestants = {
    { "ipcrun", "ipcrun", stopwatch .. "ipcrun -n 8 true" },
    { "MPICH", "mpiexec.hydra", stopwatch .. "mpiexec.hydra -n 8 true" },
    { "Open MPI", "mpirun.openmpi", stopwatch .. openmpi .. "-n 8 true" },
    { "posix_spawn", "true", "build/bench/spawn_limit 8 true" },
  } },
  { bench = "startup", title = "a world of 8 ranks up and down", ranks = 8, goal = 0.25,
    beside = "MPICH", slow = true, contestants = {
      { "ipcrun", "ipcrun", stopwatch .. "ipcrun -n 8 bench/world.lua" },
      { "MPICH", "build/bench/mpi_world.mpich",
        stopwatch .. "mpiexec.hydra -n 8 build/bench/mpi_world.mpich" },
      { "Open MPI", "build/bench/mpi_world.openmpi",
        stopwatch .. openmpi .. "-n 8 build/bench/mpi_world.openmpi" },
    } },
  { bench = "startup", title = "128 x true",
    ranks = 128, goal = 3, beside = "posix_spawn", contestants = {
    { "ipcrun", "ipcrun", stopwatch .. "ipcrun -n 128 true" },
    { "posix_spawn", "true", "build/bench/spawn_limit 128 true" },
    { "MPICH", "mpiexec.hydra", stopwatch .. "mpiexec.hydra -n 128 true" },
  } },
  { bench = "startup", title = "200 x true with 1024 descriptors",
    ranks = 200, slow = true, contestants = {
    { "ipcrun", "ipcrun", stopwatch .. "sh -c 'ulimit -n 1024; exec ipcrun -n 200 true'" },
  } },
}

require "groups".run(groups, options)
