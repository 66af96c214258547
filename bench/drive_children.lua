-- SPDX-License-Identifier: Apache-2.0
-- Messages between a process and its child: require 'parallel' beside a pipe and ZeroMQ.
--   lua5.4 bench/drive_children.lua [--sizes S,...] [--rounds N] [--output FILE]
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"
local rounds = require "rounds"
local targets = require "targets"

local options <const> = driver.options(arg, { rounds = 5,
  sizes = { 1024, 65536, 1 << 20, 16 << 20, 64 << 20, 256 << 20 } })
local circumstances <const> = driver.circumstances()
local all = {}

local function with_mode(program)
  return function(mode, bytes) return ("%s %s %d"):format(program, mode, bytes) end
end

-- A peer does what ours does, without Lua: bytes for a table or a tensor. The limit is one memcpy.
local everybody <const> = {
  { name = "ipcrun Lua", program = "bench/children.lua",
    command = with_mode "ipcrun-lua bench/children.lua",
    modes = driver.set { "start", "round_trip", "transfer", "fresh" } },
  { name = "limit", program = "build/bench/limit_pingpong",
    command = function(_, bytes) return "build/bench/limit_pingpong " .. bytes end,
    modes = driver.set { "transfer", "fresh" } },
  { name = "pipe", program = "build/bench/stream_pipe",
    command = with_mode "build/bench/stream_pipe",
    modes = driver.set { "round_trip", "transfer" }, peer = true },
  { name = "ZeroMQ", program = "build/bench/stream_zmq",
    command = with_mode "build/bench/stream_zmq",
    modes = driver.set { "round_trip", "transfer" }, peer = true },
}

local present <const> = {}
for _, contestant in ipairs(everybody) do
  if driver.has_file(contestant.program) then
    present[#present + 1] = contestant
  else
    print(contestant.name .. ": not here, left out")
  end
end

---Runs one cell with all who know its mode.
local function run(mode, bytes)
  local function plan(contestant)
    return contestant.modes[mode] and contestant.command(mode, bytes) or nil
  end
  local results = rounds.results(rounds.run(present, options.rounds, plan), present,
    { bench = mode, ranks = 2, bytes = bytes }, { "pipe", "ZeroMQ" })
  driver.append(options.output, results, circumstances)
  for _, result in ipairs(results) do
    all[#all + 1] = result
    print(("%s %s, %s: %s%s"):format(mode, driver.format_bytes(bytes), result.what,
      driver.format_us(result.p50_us),
      result.ratio_to_limit and (" (%.2f)"):format(result.ratio_to_limit) or ""))
  end
end

run("start", 0)
run("round_trip", 100)
for _, bytes in ipairs(options.sizes) do run("transfer", bytes) end
for _, bytes in ipairs(options.sizes) do
  if bytes >= 1 << 20 then run("fresh", bytes) end
end

-- The largest tensor, up to 8 GiB, that fits twice with room to spare: what it takes in both.
local available <const> = tonumber(driver.read_file("/proc/meminfo"):match("MemAvailable:%s*(%d+)"))
local peak = 8 << 30
while peak * 2.5 > available * 1024 do peak = peak // 2 end
local output <const> = driver.capture("ipcrun-lua bench/children.lua peak " .. peak)
local record <const> = driver.records(output)[1]
if record then
  record.what, record.samples = "ipcrun Lua", 1
  driver.append(options.output, { record }, circumstances)
  print(("peak %s: %.2f times its bytes in both processes"):format(driver.format_bytes(peak),
    record.taken / peak))
else
  print("peak: it failed")
end
for _, line in ipairs(targets.lines(all)) do print("miss: " .. line) end
