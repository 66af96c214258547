-- SPDX-License-Identifier: Apache-2.0
-- In-place f32 allreduce: ipcrun beside the written-out limit, Open MPI at its best, and MPICH.
-- A round runs every contestant once. A canary (a flag sent between two cores) runs before
-- and after each, because the cores of a virtual machine may move between shared and separate
-- caches: ratios are taken within a round, between measurements in the same state.
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"

local options = driver.options(arg, 5)
local sizes <const> = { 8, 4096, 65536, 1 << 20, 16 << 20, 64 << 20 }
local rank_counts <const> = { 2, 8 }
local cpus <const> = tonumber(driver.capture("nproc"))
-- Canaries of one state of the machine differ by less than this factor.
local same_state <const> = 1.6

---Each contestant's command for `ranks` ranks, or nil and why not.
local contestants <const> = {
  { name = "ipcrun", program = "build/bench/ipcrun_allreduce", command = function(ranks)
    return ("ipcrun -n %d build/bench/ipcrun_allreduce"):format(ranks)
  end },
  { name = "ipcrun Lua", program = "bench/allreduce.lua", command = function(ranks)
    return ("ipcrun -n %d bench/allreduce.lua"):format(ranks)
  end },
  { name = "limit", program = "build/bench/limit", command = function(ranks)
    return ("build/bench/limit %d"):format(ranks)
  end },
  { name = "Open MPI", program = "build/bench/mpi_allreduce.openmpi", command = function(ranks)
    local crowded = ranks > cpus
    return ("mpirun.openmpi --allow-run-as-root -n %d %s " ..
      "--mca btl_vader_single_copy_mechanism none --mca btl_vader_eager_limit 32768 " ..
      "--mca btl_vader_max_send_size 131072 " ..
      "-x MALLOC_MMAP_MAX_=0 -x MALLOC_TRIM_THRESHOLD_=-1 " ..
      "build/bench/mpi_allreduce.openmpi openmpi"):format(ranks, crowded
        and "--oversubscribe --bind-to none --mca mpi_yield_when_idle 1" or "--bind-to core")
  end },
  { name = "MPICH", program = "build/bench/mpi_allreduce.mpich", command = function(ranks)
    return ("mpiexec.hydra -n %d %s build/bench/mpi_allreduce.mpich mpich"):format(ranks,
      ranks > cpus and "" or "-bind-to core")
  end },
}

local function canary_us()
  return driver.records(driver.capture("build/bench/canary"))[1].p50_us
end

local function is_same_state(canary, other)
  return math.max(canary, other) <= same_state * math.min(canary, other)
end

---Runs one contestant; nil when it failed or the machine changed its state meanwhile.
local function measure(contestant, ranks, bytes)
  local before = canary_us()
  local output = driver.capture(("timeout 120 %s %d"):format(contestant.command(ranks), bytes))
  local after = canary_us()
  if not output then
    print(("%s failed at %d ranks, %d bytes"):format(contestant.name, ranks, bytes))
    contestant.failed = true
    return nil
  end
  local record = driver.records(output)[1]
  if not record or not is_same_state(before, after) then return nil end
  record.canary_us = (before + after) / 2
  return record
end

---All rounds of one size: a list of records by contestant, by the name of the contestant.
local function measure_rounds(ranks, bytes)
  local rounds = {}
  for round = 1, options.rounds do
    rounds[round] = {}
    for _, contestant in ipairs(contestants) do
      if contestant.present and not contestant.failed then
        rounds[round][contestant.name] = measure(contestant, ranks, bytes)
      end
    end
  end
  return rounds
end

local function column(rounds, name, field)
  local list = {}
  for _, round in ipairs(rounds) do
    if round[name] then list[#list + 1] = round[name][field] end
  end
  return list
end

---Median over the rounds of the contestant's time over that of the limit; nil when none compare.
local function ratio_to_limit(rounds, name)
  local ratios = {}
  for _, round in ipairs(rounds) do
    local own, limit = round[name], round.limit
    if own and limit and is_same_state(own.canary_us, limit.canary_us) then
      ratios[#ratios + 1] = own.p50_us / limit.p50_us
    end
  end
  return #ratios > 0 and driver.median(ratios) or nil
end

local function result_of(rounds, name, ranks, bytes)
  local p50 = column(rounds, name, "p50_us")
  if #p50 == 0 then return nil end
  return { bench = "allreduce", what = name, ranks = ranks, bytes = bytes, samples = #p50,
    p50_us = driver.median(p50), p99_us = driver.median(column(rounds, name, "p99_us")),
    canary_us = driver.median(column(rounds, name, "canary_us")),
    ratio_to_limit = ratio_to_limit(rounds, name) }
end

local results = {}
for _, contestant in ipairs(contestants) do
  contestant.present = driver.has_file(contestant.program)
  if not contestant.present then print(contestant.name .. ": not here, skipped") end
end
for _, ranks in ipairs(rank_counts) do
  local head = { ("n = %d, bytes"):format(ranks) }
  for _, contestant in ipairs(contestants) do
    if contestant.present then table.move({ contestant.name, "/limit" }, 1, 2, #head + 1, head) end
  end
  local rows = { head }
  for _, bytes in ipairs(sizes) do
    local rounds = measure_rounds(ranks, bytes)
    local row = { tostring(bytes) }
    for _, contestant in ipairs(contestants) do
      if contestant.present then
        local result = result_of(rounds, contestant.name, ranks, bytes)
        local ratio = result and result.ratio_to_limit
        results[#results + 1] = result
        row[#row + 1] = driver.format_us(result and result.p50_us)
        row[#row + 1] = ratio and ("%.2f"):format(ratio) or "-"
      end
    end
    rows[#rows + 1] = row
  end
  driver.print_table(rows)
  print()
end
driver.append(options.output, results, driver.circumstances())
