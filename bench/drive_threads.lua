-- SPDX-License-Identifier: Apache-2.0
-- Items between threads of one process, and from a process to another: channels of ipc beside a
-- queue of std::mutex and std::condition_variable, and a pipe, both without Lua.
--   lua5.4 bench/drive_threads.lua [--pairs P,...] [--bytes B] [--rounds N] [--output FILE]
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"
local rounds = require "rounds"

local options <const> = driver.options(arg, { rounds = 5, pairs = { 1, 4, 64 }, bytes = 100 })
local circumstances <const> = driver.circumstances()

local function queue(kind)
  return function(mode, count, bytes)
    return ("build/bench/queue_threads %s %s %d %d"):format(kind, mode, count, bytes)
  end
end

local both <const> = driver.set { "stream", "handover" }
local everybody <const> = {
  { name = "ipcrun Lua",
    command = function(mode, count, bytes)
      return ("ipcrun-lua bench/threads.lua %s %d %d"):format(mode, count, bytes)
    end,
    modes = driver.set { "stream", "handover", "reference", "processes", "map" } },
  { name = "ipcrun", command = queue "ipcrun", modes = both },
  { name = "mutex", command = queue "mutex", modes = both, peer = true },
  { name = "pipe", command = queue "pipe", modes = both, peer = true },
}

---Runs one cell with all who know its mode.
local function run(mode, count, bytes)
  local function plan(contestant)
    return contestant.modes[mode] and contestant.command(mode, count, bytes) or nil
  end
  local threads = (both[mode] or mode == "processes") and 2 * count or count
  local results = rounds.results(rounds.run(everybody, options.rounds, plan), everybody,
    { bench = mode, ranks = threads, bytes = bytes }, { "mutex", "pipe" })
  driver.append(options.output, results, circumstances)
  for _, result in ipairs(results) do
    print(("%s, %d threads, %s, %s: %s%s"):format(mode, threads, driver.format_bytes(bytes),
      result.what, driver.format_us(result.p50_us),
      result.ratio_to_peer and (" (%.2f)"):format(result.ratio_to_peer) or ""))
  end
end

for _, count in ipairs(options.pairs) do run("stream", count, options.bytes) end
run("handover", 1, options.bytes)
run("reference", 1, 64 << 20)
run("processes", 1, options.bytes)
run("processes", 1, 64 << 20)
run("map", 1000, 0)
