-- SPDX-License-Identifier: Apache-2.0
-- A message there and back between two ranks: ipcrun beside the limit, Open MPI and MPICH.
--   lua5.4 bench/drive_pingpong.lua [--sizes S,...] [--rounds N] [--output FILE]
package.path = "bench/?.lua;" .. package.path
local contestants = require "contestants"
local driver = require "driver"
local rounds = require "rounds"
local targets = require "targets"

local options <const> = driver.options(arg, { rounds = 5,
  sizes = { 8, 1024, 4096, 65536, 1 << 20, 16 << 20, 64 << 20 } })
local cpus <const> = tonumber(driver.capture("nproc"))
local present <const>, missing <const> = contestants.for_bench("pingpong", driver.has_file)
for _, name in ipairs(missing) do print(name .. ": not here, left out") end

local circumstances <const> = driver.circumstances()
local all = {}
for _, bytes in ipairs(options.sizes) do
  local cell = { bench = "pingpong", ranks = 2, bytes = bytes }
  local function plan(contestant) return contestant.command(2, cpus, tostring(bytes)) end
  local results = rounds.results(rounds.run(present, options.rounds, plan), present, cell,
    contestants.peers)
  driver.append(options.output, results, circumstances)
  for _, result in ipairs(results) do
    all[#all + 1] = result
    print(("%s, %s: %s%s"):format(driver.format_bytes(bytes), result.what,
      driver.format_us(result.p50_us),
      result.ratio_to_limit and (" (%.2f)"):format(result.ratio_to_limit) or ""))
  end
end
for _, line in ipairs(targets.lines(all)) do print("miss: " .. line) end
