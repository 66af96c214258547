-- SPDX-License-Identifier: Apache-2.0
-- Threads of ipc.map and their channels; the counterpart of queue_threads.cpp:
--   ipcrun-lua bench/threads.lua stream PAIRS BYTES     so many writers and readers of one channel
--   ipcrun-lua bench/threads.lua handover 1 BYTES       an item there and back, halved
--   ipcrun-lua bench/threads.lua reference 1 BYTES      a tensor there and back, halved
--   ipcrun-lua bench/threads.lua processes 1 BYTES     from a process to another; long: a tensor
--   ipcrun-lua bench/threads.lua map N 0                N threads up, a value each, and down
-- Prints one JSON line: microseconds an item; of `map`, for all threads.
local ipc, torch = require "ipc", require "torch"

local mode <const>, count <const>, bytes <const> =
  arg[1], math.tointeger(tonumber(arg[2])), math.tointeger(tonumber(arg[3]))
local rounds <const> = 7
local run = {}

-- Threads begin when all are there, so that their start is not measured.
local function start_line(threads)
  local ready, go = ipc.channel(), ipc.channel()
  return ready, go, function()
    for _ = 1, threads do ready:read() end
    local start = ipc.clock()
    for _ = 1, threads do go:write(true) end
    return start
  end
end

function run.stream()
  local each = 200000 // count
  local channel = ipc.channel()
  local ready, go, start_all = start_line(2 * count)
  local threads = ipc.map(2 * count, function(channel, ready, go, each, bytes, id)
    ready:write(id)
    go:read()
    if id % 2 == 0 then
      local item = ("x"):rep(bytes)
      for _ = 1, each do channel:write(item) end
    else
      for _ = 1, each do
        local _, item = channel:read()
        assert(#item == bytes)
      end
    end
  end, channel, ready, go, each, bytes)
  local start = start_all()
  threads:join()
  return (ipc.clock() - start) * 1e6 / (each * count)
end

local function there_and_back(item, turns)
  local there, back = ipc.channel(), ipc.channel()
  local ready, go, start_all = start_line(1)
  local thread = ipc.map(1, function(there, back, ready, go)
    ready:write(true)
    go:read()
    for value in there:items() do back:write(value) end
  end, there, back, ready, go)
  local start = start_all()
  for _ = 1, turns do
    there:write(item)
    back:read()
  end
  local taken = ipc.clock() - start
  there:close()
  thread:join()
  return taken * 1e6 / (2 * turns)
end

function run.handover() return there_and_back(("x"):rep(bytes), 20000) end

function run.reference() return there_and_back(torch.ByteTensor(bytes):fill(1), 5000) end

function run.processes()
  local is_long <const> = bytes >= 1 << 20
  local turns <const> = is_long and 20 or 100000
  local channel = ipc.channel { shared = true, capacity = is_long and 2 or 1000 }
  local child <close> = require("parallel").run(function()
    local task = parallel.parent:receive()  -- luacheck: ignore 113
    local item = ("x"):rep(task.bytes)
    if task.is_long then item = require("torch").ByteTensor(task.bytes):fill(1) end
    for _ = 1, task.turns do task.channel:write(item) end
  end)
  child:send { channel = channel, bytes = bytes, turns = turns, is_long = is_long }
  channel:read()
  local start = ipc.clock()
  for _ = 2, turns do channel:read() end
  local taken = ipc.clock() - start
  child:sync()
  return taken * 1e6 / (turns - 1)
end

function run.map()
  local start = ipc.clock()
  local results = { ipc.map(count, function(id) return id end):join() }
  local taken = (ipc.clock() - start) * 1e6
  assert(#results == count and results[count] == count)
  return taken
end

if not run[mode] or not count or not bytes then
  io.stderr:write("usage: ipcrun-lua bench/threads.lua MODE COUNT BYTES; the modes are above\n")
  os.exit(2)
end
local samples = {}
for i = 1, rounds do samples[i] = run[mode]() end
table.sort(samples)
local pairs_of <const> = { stream = true, handover = true, processes = true }
local ranks = pairs_of[mode] and 2 * count or count
print(('{"bench":"%s","ranks":%d,"bytes":%d,"p50_us":%.4g,"p99_us":%.4g}')
  :format(mode, ranks, bytes, samples[rounds // 2 + 1], samples[rounds]))
