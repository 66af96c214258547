-- SPDX-License-Identifier: Apache-2.0
-- Every collective operation at every size: ipcrun beside the written-out limit and its peers.
--   lua5.4 bench/drive_collectives.lua [--kinds K,...] [--ranks N,...] [--sizes S,...] [--rounds N]
--                                      [--output FILE] [--resume]
-- Results are appended cell by cell; --resume goes on with the newest run in the file.
package.path = "bench/?.lua;" .. package.path
local contestants = require "contestants"
local driver = require "driver"
local rounds = require "rounds"
local targets = require "targets"

local options <const> = driver.options(arg, { rounds = 3, kinds = targets.kinds,
  ranks = { 2, 4, 8 }, sizes = { 8, 64, 1024, 4096, 65536, 1 << 20, 16 << 20, 64 << 20 },
  resume = false })
-- For peers whose ranks spin while others need the core.
local few_sizes <const> = driver.set { 0, 8, 65536, 16 << 20 }
local cpus <const> = tonumber(driver.capture("nproc"))
local present <const>, missing <const> = contestants.for_bench("collectives", driver.has_file)

local function plan(cell)
  return function(contestant)
    if contestant.only and contestant.only ~= cell.bench then return nil end
    local hangs_back = contestant.hangs_back and cell.ranks > cpus
    if hangs_back and not few_sizes[cell.bytes] then return nil end
    local arguments = cell.bench .. " " .. cell.bytes
    return contestant.command(cell.ranks, cpus, arguments), hangs_back and 1 or nil
  end
end

local function print_cell(cell, results)
  local row = { ("%s, %d ranks, %s:"):format(cell.bench, cell.ranks,
    driver.format_bytes(cell.bytes)) }
  for _, result in ipairs(results) do
    row[#row + 1] = ("%s %s%s"):format(result.what, driver.format_us(result.p50_us),
      result.ratio_to_limit and (" (%.2f)"):format(result.ratio_to_limit) or "")
  end
  print(table.concat(row, "  "))
  for _, line in ipairs(targets.lines(results)) do print("  miss: " .. line) end
end

local function key(cell) return cell.bench .. " " .. cell.ranks .. " " .. cell.bytes end

---What the cells of the run have in common, and which of them are in the file.
local function begin()
  local circumstances, done = driver.circumstances(), {}
  if options.resume then
    local records = driver.records(driver.read_file(options.output))
    local list = driver.newest(records, driver.set(targets.kinds))
    if list[1] and (list[1].commit ~= circumstances.commit or list[1].cpu ~= circumstances.cpu) then
      print("the newest run in the file is of another commit or machine: beginning anew")
    elseif list[1] then
      circumstances.date = list[1].date
      for _, record in ipairs(list) do done[key(record)] = true end
    end
  end
  return circumstances, done
end

for _, name in ipairs(missing) do print(name .. ": not here, left out") end
local circumstances, done = begin()
for _, kind in ipairs(options.kinds) do
  for _, ranks in ipairs(options.ranks) do
    for _, bytes in ipairs(kind == "barrier" and { 0 } or options.sizes) do
      local cell = { bench = kind, ranks = ranks, bytes = bytes }
      if not done[key(cell)] then
        local results = rounds.results(rounds.run(present, options.rounds, plan(cell)), present,
          cell, contestants.peers)
        driver.append(options.output, results, circumstances)
        print_cell(cell, results)
      end
    end
  end
end
