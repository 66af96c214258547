-- SPDX-License-Identifier: Apache-2.0
-- How long it takes to start and end a job: ipcrun beside Open MPI, MPICH and bare posix_spawn.
-- All contestants of a group run in turn, round after round, so that the machine's moods hit all.
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"

local options = driver.options(arg, { rounds = 15 })
local stopwatch <const> = "build/bench/spawn_limit 1 "
local openmpi <const> = "mpirun.openmpi --allow-run-as-root --oversubscribe --bind-to none "

-- A group's first contestant is ours. `goal`: our median over that of contestant `beside`.
local groups <const> = {
  { title = "8 x true", ranks = 8, goal = 1.3, beside = "MPICH", contestants = {
    { "ipcrun", "ipcrun", stopwatch .. "ipcrun -n 8 true" },
    { "MPICH", "mpiexec.hydra", stopwatch .. "mpiexec.hydra -n 8 true" },
    { "Open MPI", "mpirun.openmpi", stopwatch .. openmpi .. "-n 8 true" },
    { "posix_spawn", "true", "build/bench/spawn_limit 8 true" },
  } },
  { title = "a world of 8 ranks up and down", ranks = 8, goal = 0.25, beside = "MPICH", slow = true,
    contestants = {
      { "ipcrun", "ipcrun", stopwatch .. "ipcrun -n 8 bench/world.lua" },
      { "MPICH", "build/bench/mpi_world.mpich",
        stopwatch .. "mpiexec.hydra -n 8 build/bench/mpi_world.mpich" },
      { "Open MPI", "build/bench/mpi_world.openmpi",
        stopwatch .. openmpi .. "-n 8 build/bench/mpi_world.openmpi" },
    } },
  { title = "128 x true", ranks = 128, goal = 3, beside = "posix_spawn", contestants = {
    { "ipcrun", "ipcrun", stopwatch .. "ipcrun -n 128 true" },
    { "posix_spawn", "true", "build/bench/spawn_limit 128 true" },
    { "MPICH", "mpiexec.hydra", stopwatch .. "mpiexec.hydra -n 128 true" },
  } },
  { title = "200 x true with 1024 descriptors", ranks = 200, slow = true, contestants = {
    { "ipcrun", "ipcrun", stopwatch .. "sh -c 'ulimit -n 1024; exec ipcrun -n 200 true'" },
  } },
}

---Times of every contestant, by name; a contestant that fails once is left out from then on.
local function measure(group)
  local times, rounds = {}, group.slow and math.ceil(options.rounds / 3) or options.rounds
  for _, contestant in ipairs(group.contestants) do
    local name, program = table.unpack(contestant)
    if driver.has_program(program) then times[name] = {} else print(name .. ": not here") end
  end
  for round = 0, rounds do  -- round 0 warms the caches up and is not counted
    for turn = 1, #group.contestants do
      -- Each round begins with another one, so that nobody always follows the same neighbour.
      local contestant = group.contestants[(turn + round) % #group.contestants + 1]
      local name, _, command = table.unpack(contestant)
      if times[name] then
        local us = tonumber(driver.capture(command))
        if not us then
          print(name .. ": failed: " .. command)
          times[name] = nil
        elseif round > 0 then
          table.insert(times[name], us)
        end
      end
    end
  end
  return times
end

local function report(group, times, results)
  local rows = { { group.title, "median", "min", "max", "to ipcrun" } }
  local ours = times.ipcrun and driver.median(times.ipcrun)
  for _, contestant in ipairs(group.contestants) do
    local name = contestant[1]
    local list = times[name]
    if list then
      local median, low, high = driver.median(list), math.min(table.unpack(list)),
        math.max(table.unpack(list))
      rows[#rows + 1] = { name, driver.format_us(median), driver.format_us(low),
        driver.format_us(high), ours and ("%.2f"):format(median / ours) or "-" }
      results[#results + 1] = { bench = "startup", what = group.title .. ": " .. name,
        ranks = group.ranks, p50_us = median, p99_us = driver.quantile(list, 0.99), min_us = low,
        max_us = high, samples = #list }
    end
  end
  driver.print_table(rows)
  if group.goal and ours and times[group.beside] then
    print(("ipcrun takes %.2f times as long as %s; the goal is at most %.2f"):format(
      ours / driver.median(times[group.beside]), group.beside, group.goal))
  end
  print()
end

local results = {}
for _, group in ipairs(groups) do report(group, measure(group), results) end
driver.append(options.output, results, driver.circumstances())
