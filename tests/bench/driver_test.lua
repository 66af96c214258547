-- SPDX-License-Identifier: Apache-2.0
-- Proves that the drivers of bench/ count and print right. What the programs measure is not
-- tested here.
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"
local rounds = require "rounds"
local penalties = require "penalties"
local targets = require "targets"

local defaults <const> = { rounds = 15, kinds = { "barrier", "reduce" }, sizes = { 8 },
  resume = false }

---One round in which each name took its time, with the canary in one state.
local function round(times)
  local records = {}
  for name, us in pairs(times) do records[name] = { p50_us = us, p99_us = us, canary_us = 0.1 } end
  return records
end

---Tools whose canary gives `canaries` in turn, and the commands that were run.
local function fake_tools(canaries, output)
  local commands, index = {}, 0
  return { canary_us = function()
    index = index + 1
    return canaries[(index - 1) % #canaries + 1]
  end, run = function(command)
    commands[#commands + 1] = command
    return output
  end }, commands
end

local function by_name(contestant) return contestant.name end

local cases <const> = {
  { "the median of an odd number of values is the middle one", function()
    return driver.median({ 9, 1, 5 }) == 5
  end },
  { "a quantile leaves the list in its order", function()
    local list = { 3, 1, 2 }
    return driver.quantile(list, 0.99) == 3 and list[1] == 3
  end },
  { "one value is its own 99th percentile", function()
    return driver.quantile({ 7 }, 0.99) == 7
  end },
  { "JSON lines are read between other output", function()
    local records = driver.records('warning: x\n{"bench":"idle","bytes":8,"p50_us":1.5e+03}\n')
    return #records == 1 and records[1].bench == "idle" and records[1].p50_us == 1500
  end },
  { "times are printed in the unit that suits them", function()
    return driver.format_us(0.07) == "0.07 us" and driver.format_us(31000) == "31.0 ms"
      and driver.format_us(2.5e6) == "2.50 s" and driver.format_us(nil) == "-"
  end },
  { "sizes are printed in whole units", function()
    return driver.format_bytes(64 << 20) == "64 MiB" and driver.format_bytes(4096) == "4 KiB"
      and driver.format_bytes(1500) == "1500 B"
  end },
  { "following a prediction costs what its choice takes longer than the fastest", function()
    local list = { { what = "ring", p50_us = 4, predicted_us = 9 },
      { what = "tree", p50_us = 5, predicted_us = 2 } }
    local penalty, chosen = penalties.of(list)
    list[1].predicted_us = 1
    return penalty == 0.25 and chosen == "tree" and penalties.of(list) == 0
      and penalties.of({}) == nil
  end },
  { "choices that are too slow at one size, or in the median, are told", function()
    local function cell(penalty)
      return { ranks = 2, bytes = 64, chosen = "ring", penalty = penalty }
    end
    local good = penalties.lines { cell(0), cell(0.05), cell(0.2) }
    local slow = penalties.lines { cell(0), cell(0), cell(0.5) }
    local often = penalties.lines { cell(0.2), cell(0.2), cell(0) }
    return #good == 1 and good[1] == "the choice is 5 % over the best in the median, 20 % at worst"
      and slow[1] == "miss: 2 ranks, 64 B: ring is 50 % over the best; at most 25 %"
      and often[2] == "miss: a median of 10 % at most" and #penalties.lines {} == 0
  end },
  { "the output of a program that fails is not a result", function()
    return driver.capture("echo 5; exit 3") == nil and driver.capture("echo 5") == "5\n"
  end },
  { "rounds and the output file are options", function()
    local options = driver.parse_options({ "--rounds", "3", "--output", "x" }, defaults)
    return options.rounds == 3 and options.output == "x"
  end },
  { "lists and flags are options, sizes with their unit", function()
    local options = driver.parse_options({ "--resume", "--sizes", "8,64K", "--kinds", "reduce" },
      defaults)
    return options.resume and options.sizes[2] == 65536 and #options.kinds == 1
  end },
  { "an option that is not there, a kind unknown, no value: all are refused", function()
    for _, arguments in ipairs { { "--round", "3" }, { "--kinds", "gossip" }, { "--sizes", "8x" },
      { "--rounds" }, { "3" } } do
      if driver.parse_options(arguments, defaults) then return false end
    end
    return true
  end },
  { "the newest run is found among older ones and other benches", function()
    local list = driver.newest({ { bench = "reduce", date = "1", bytes = 1 },
      { bench = "reduce", date = "2", bytes = 2 }, { bench = "idle", date = "3" },
      { bench = "gather", date = "2", bytes = 3 } }, driver.set { "reduce", "gather" })
    return #list == 2 and list[1].bytes == 2 and list[2].bytes == 3
  end },
  { "results are read back as they were written", function()
    local path = os.tmpname()
    driver.append(path, { { bench = "idle", what = "a b", ranks = 9, percent = 0.25 } },
      { commit = "c", cpu = "x", compiler = "g++ (1)", date = "d" })
    local record = driver.records(driver.read_file(path))[1]
    os.remove(path)
    return record.what == "a b" and record.ranks == 9 and record.percent == 0.25
      and record.compiler == "g++ (1)" and record.date == "d"
  end },
  { "each round begins with another contestant", function()
    local tools, commands = fake_tools({ 0.1 }, '{"p50_us":1}')
    rounds.run({ { name = "a" }, { name = "b" } }, 2, by_name, tools)
    return table.concat(commands) == "abba"
  end },
  { "a contestant takes part in as many rounds as its plan says", function()
    local tools, commands = fake_tools({ 0.1 }, '{"p50_us":1}')
    rounds.run({ { name = "a" }, { name = "b" } }, 3, function(contestant)
      return contestant.name, contestant.name == "b" and 1 or nil
    end, tools)
    return select(2, table.concat(commands):gsub("b", "")) == 1 and #commands == 4
  end },
  { "a measurement during which the machine changed is repeated once, then dropped", function()
    local tools, commands = fake_tools({ 0.1, 0.3 }, '{"p50_us":1}')
    local list = rounds.run({ { name = "a" } }, 1, by_name, tools)
    return #commands == 2 and list[1].a == nil
  end },
  { "a contestant that fails is left out of the later rounds of the cell", function()
    local tools, commands = fake_tools({ 0.1 }, nil)
    local contestant = { name = "a" }
    local print_was = print
    print = function() end  -- luacheck: ignore 121
    rounds.run({ contestant }, 3, by_name, tools)
    print = print_was  -- luacheck: ignore 121
    return #commands == 1 and contestant.failures == 1
  end },
  { "a ratio is the median over rounds, to the best of the others", function()
    local list = { round { a = 2, b = 1, c = 4 }, round { a = 9, b = 4, c = 3 },
      round { a = 5, b = 5 } }
    return rounds.ratio(list, "a", { "b", "c" }) == 2
  end },
  { "measurements in different states of the machine are not compared", function()
    local list = { round { a = 2, b = 1 } }
    list[1].a.canary_us = 0.3
    return rounds.ratio(list, "a", { "b" }) == nil
  end },
  { "results have the ratios of ours, and of peers that to the limit alone", function()
    local results = rounds.results({ round { ipcrun = 2, limit = 1, MPICH = 4 } },
      { { name = "ipcrun" }, { name = "limit" }, { name = "MPICH", peer = true } },
      { bench = "reduce", ranks = 2, bytes = 8 }, { "MPICH" })
    return results[1].ratio_to_limit == 2 and results[1].ratio_to_peer == 0.5
      and results[2].ratio_to_limit == nil and results[3].ratio_to_limit == 4
      and results[3].ratio_to_peer == nil and results[1].ranks == 2
  end },
  { "a collective that is slower than the best peer misses its target", function()
    local record = { bench = "gather", what = "ipcrun", ranks = 4, bytes = 65536,
      ratio_to_limit = 3, ratio_to_peer = 1.1 }
    return targets.lines({ record })[1] == "gather, 4 ranks, 64 KiB: 1.10 times the best peer"
      and #targets.lines({ record }) == 1
  end },
  { "large sums have a target to the limit, small ones have none", function()
    local record = { bench = "allreduce", what = "ipcrun", ranks = 4, bytes = 65536,
      ratio_to_limit = 1.31, ratio_to_peer = 1 }
    local missed = #targets.lines({ record })
    record.bytes = 4096
    return missed == 1 and #targets.lines({ record }) == 0
  end },
  { "messages to a child, and its start, have targets", function()
    return #targets.lines({
      { bench = "transfer", what = "ipcrun Lua", ranks = 2, bytes = 1 << 20,
        ratio_to_limit = 1.21 },
      { bench = "transfer", what = "ipcrun Lua", ranks = 2, bytes = 1 << 16, ratio_to_limit = 3 },
      { bench = "transfer", what = "pipe", ranks = 2, bytes = 1 << 20, ratio_to_limit = 7 },
      { bench = "start", what = "ipcrun Lua", ranks = 2, bytes = 0, p50_us = 5100 },
    }) == 2
  end },
  { "messages and waiting have targets, and peers have none", function()
    return #targets.lines({
      { bench = "pingpong", what = "ipcrun", ranks = 2, bytes = 8, p50_us = 0.2 },
      { bench = "pingpong", what = "MPICH", ranks = 2, bytes = 8, p50_us = 0.2 },
      { bench = "pingpong", what = "ipcrun", ranks = 2, bytes = 64 << 20, p50_us = 9,
        ratio_to_limit = 1.21 },
      { bench = "idle", what = "ipcrun in barrier", ranks = 9, percent = 2.5 },
      { bench = "idle", what = "MPICH in barrier", ranks = 9, percent = 199 },
    }) == 3
  end },
}

print("1.." .. #cases)
local all_right = true
for index, case in ipairs(cases) do
  local right = case[2]()
  all_right = all_right and right
  print(("%s %d - driver: %s"):format(right and "ok" or "not ok", index, case[1]))
end
os.exit(all_right)
