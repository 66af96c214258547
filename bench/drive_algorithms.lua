-- SPDX-License-Identifier: Apache-2.0
-- The algorithms for an allreduce in turn, beside what topology/choice predicts of each, and what
-- it costs to take the one that is predicted to be the fastest.
--   lua5.4 bench/drive_algorithms.lua [--ranks N,...] [--sizes S,...] [--rounds N] [--output FILE]
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"
local penalties = require "penalties"

local options <const> = driver.options(arg, { rounds = 3, ranks = { 2, 4, 8 },
  sizes = { 8, 64, 512, 4096, 32 << 10, 256 << 10, 2 << 20, 16 << 20 } })
local circumstances <const> = driver.circumstances()

---One line for each algorithm, fastest first: medians over the rounds, each a job of its own.
local function results(ranks, bytes)
  local records = {}
  for _ = 1, options.rounds do
    local output = driver.capture(
      ("timeout 60 ipcrun -n %d build/bench/ipcrun_algorithms %d"):format(ranks, bytes))
    if not output then print("ipcrun_algorithms failed") end
    for _, record in ipairs(driver.records(output)) do records[#records + 1] = record end
  end
  local list = {}
  for _, what in ipairs(driver.distinct(records, "what")) do
    local p50, p99, predicted = {}, {}, nil
    for _, record in ipairs(records) do
      if record.what == what then
        p50[#p50 + 1], p99[#p99 + 1] = record.p50_us, record.p99_us
        predicted = record.predicted_us
      end
    end
    list[#list + 1] = { bench = "algorithm", what = what, ranks = ranks, bytes = bytes,
      samples = #p50, p50_us = driver.median(p50), p99_us = driver.median(p99),
      predicted_us = predicted }
  end
  table.sort(list, function(a, b) return a.p50_us < b.p50_us end)
  return list
end

local all = {}
for _, ranks in ipairs(options.ranks) do
  for _, bytes in ipairs(options.sizes) do
    local list = results(ranks, bytes)
    driver.append(options.output, list, circumstances)
    local cells = { ("%d ranks, %s:"):format(ranks, driver.format_bytes(bytes)) }
    for _, result in ipairs(list) do
      cells[#cells + 1] = ("%s %s (%s)"):format(result.what, driver.format_us(result.p50_us),
        driver.format_us(result.predicted_us))
    end
    local penalty, chosen = penalties.of(list)
    if penalty then
      cells[#cells + 1] = ("-> %s, %.0f %% over the best"):format(chosen, 100 * penalty)
      all[#all + 1] = { ranks = ranks, bytes = bytes, chosen = chosen, penalty = penalty }
    end
    print(table.concat(cells, "  "))
  end
end
for _, line in ipairs(penalties.lines(all)) do print(line) end
