-- SPDX-License-Identifier: Apache-2.0
-- What eight ranks burn together while they wait three seconds for a ninth that sleeps.
--   lua5.4 bench/drive_idle.lua [--rounds N] [--output FILE]
package.path = "bench/?.lua;" .. package.path
local contestants = require "contestants"
local driver = require "driver"
local targets = require "targets"

local options <const> = driver.options(arg, { rounds = 3 })
local ranks <const>, seconds <const> = 9, 3
local cpus <const> = tonumber(driver.capture("nproc"))
local present <const>, missing <const> = contestants.for_bench("idle", driver.has_file)
for _, name in ipairs(missing) do print(name .. ": not here, left out") end

---Percent of a core: the median of the rounds; peers get one, there is no doubt about theirs.
local function measure(contestant, wait)
  local command = "timeout 60 "
    .. contestant.command(ranks, cpus, ("%s %d"):format(wait, seconds))
  local percents = {}
  for _ = 1, contestant.peer and 1 or options.rounds do
    local record = driver.records(driver.capture(command))[1]
    if record then percents[#percents + 1] = record.percent else print("failed: " .. command) end
  end
  return #percents > 0 and { bench = "idle", what = contestant.name .. " in " .. wait,
    ranks = ranks, percent = driver.median(percents), samples = #percents } or nil
end

local results = {}
for _, wait in ipairs { "barrier", "receive" } do
  for _, contestant in ipairs(present) do
    local result = measure(contestant, wait)
    results[#results + 1] = result
    if result then print(("%s: %.2f %% of a core"):format(result.what, result.percent)) end
  end
end
driver.append(options.output, results, driver.circumstances())
for _, line in ipairs(targets.lines(results)) do print("miss: " .. line) end
