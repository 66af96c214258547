-- SPDX-License-Identifier: Apache-2.0
-- A parent and a child of require 'parallel'; the counterpart of stream.hpp:
--   ipcrun-lua bench/children.lua round_trip BYTES    a small table there and back
--   ipcrun-lua bench/children.lua transfer BYTES      each of many tensors that follow one another
--   ipcrun-lua bench/children.lua fresh BYTES         one tensor, into memory that nobody had yet
--   ipcrun-lua bench/children.lua start 0             fork of a child to its first message
--   ipcrun-lua bench/children.lua peak BYTES          what one tensor takes in both processes
-- Prints one JSON line; measured as bench/measure.h does.
local ipc = require "ipc"
local parallel = require "parallel"
local torch = require "torch"

local mode <const>, bytes <const> = arg[1], math.tointeger(tonumber(arg[2]))
local run = {}

local function median_and_p99(samples)
  table.sort(samples)
  return samples[#samples // 2 + 1], samples[#samples * 99 // 100 + 1]
end

local function report(samples)
  print(('{"bench":"%s","ranks":2,"bytes":%d,"p50_us":%.4g,"p99_us":%.4g}')
    :format(mode, bytes, median_and_p99(samples)))
end

---Samples of `operate`, which does `count` operations: microseconds of one.
local function measure(operate, count)
  local function elapsed_us()
    local start = ipc.clock()
    operate()
    return (ipc.clock() - start) * 1e6
  end
  local turns, total = 0, 0
  repeat
    total, turns = total + elapsed_us(), turns + 1
  until turns >= 7 or total >= 400000
  local one = elapsed_us()
  local samples = {}
  for i = 1, math.max(5, math.min(1000, 100000 // one | 0)) do samples[i] = elapsed_us() / count end
  return samples
end

-- A value comes back until the parent has enough.
local function echo()
  while true do
    local value = parallel.parent:receive()
    if value == "end" then return end
    parallel.parent:send(value)
  end
end

-- So many messages follow one another before the receiver answers.
local function count_off(burst)
  while true do
    for _ = 1, burst do
      if parallel.parent:receive() == "end" then return end
    end
    parallel.parent:send(true)
  end
end

local function available_bytes()
  for line in io.lines("/proc/meminfo") do
    local kib = line:match("^MemAvailable:%s*(%d+)")
    if kib then return tonumber(kib) * 1024 end
  end
end

function run.round_trip()
  local child = parallel.fork()
  child:exec(echo)
  local value = { step = 1, name = "layer", rates = { 0.5, 0.25, 0.125 }, last = false }
  report(measure(function()
    child:send(value)
    child:receive()
  end, 1))
  child:send("end")
  child:sync()
end

function run.transfer()
  local burst <const> = math.max(4, math.min(1000, (64 << 20) // bytes))
  local child = parallel.run(count_off, burst)
  local tensor = torch.ByteTensor(bytes):fill(1)
  report(measure(function()
    for _ = 1, burst do child:send(tensor) end
    child:receive()
  end, burst))
  child:send("end")
  child:sync()
end

function run.fresh()
  local samples = {}
  for i = 1, 5 do
    local child = parallel.run(count_off, 1)
    local tensor = torch.ByteTensor(bytes):fill(1)
    child:send(false)
    child:receive()
    local start = ipc.clock()
    child:send(tensor)
    child:receive()
    samples[i] = (ipc.clock() - start) * 1e6
    child:send("end")
    child:sync()
  end
  report(samples)
end

function run.start()
  local samples = {}
  for i = 0, 100 do
    local start = ipc.clock()
    local child = parallel.run("parallel.parent:send(true)")
    child:receive()
    samples[i] = (ipc.clock() - start) * 1e6
    child:sync()
  end
  report(samples)  -- without the first, which also starts the agent
end

function run.peak()
  local before = available_bytes()
  local child = parallel.run(function()
    local tensor = parallel.parent:receive()
    parallel.parent:send(tensor[tensor:size(1)])
    parallel.yield()
  end)
  local tensor = torch.ByteTensor(bytes):fill(7)
  child:send(tensor)
  assert(child:receive() == 7)
  local taken = before - available_bytes()
  print(('{"bench":"peak","ranks":2,"bytes":%d,"taken":%d}'):format(bytes, taken))
  child:join()
  child:sync()
end

if not run[mode] or not bytes then
  io.stderr:write("usage: ipcrun-lua bench/children.lua MODE BYTES; the modes are above\n")
  os.exit(2)
end
run[mode]()
