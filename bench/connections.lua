-- SPDX-License-Identifier: Apache-2.0
-- A server and a client of ipc, in two processes or two threads of one; the counterpart of
-- stream.hpp:
--   ipcrun-lua bench/connections.lua round_trip BYTES LINK   a string there and back
--   ipcrun-lua bench/connections.lua messages BYTES LINK     each of many strings that follow one
--                                                            another
--   ipcrun-lua bench/connections.lua transfer BYTES LINK     each of many tensors that follow one
--                                                            another, received in place
--   ipcrun-lua bench/connections.lua any CLIENTS LINK        a number to server:recvAny from one of
--                                                            so many, and back: each in turn
-- LINK: process (threads of one process), memory, socket, or encrypted (a socket).
-- Prints one JSON line; measured as bench/measure.h does.
local ipc = require "ipc"
local torch = require "torch"

local mode <const>, bytes <const>, link <const> = arg[1], math.tointeger(tonumber(arg[2])), arg[3]
local how <const> = {
  process = { link = "fastest" },
  memory = { link = "memory" },
  socket = { link = "socket" },
  encrypted = { link = "socket", encrypt = true },
}
local is_known <const> = {
  round_trip = true, messages = true, transfer = true, any = true,
}
if not is_known[mode] or not bytes or not how[link] then
  io.stderr:write("usage: ipcrun-lua bench/connections.lua MODE BYTES LINK; they are above\n")
  os.exit(2)
end
-- So many messages follow one another before the receiver answers.
local has_answers <const> = mode == "round_trip" or mode == "any"
local burst <const> = has_answers and 1 or math.max(4, math.min(1000, (64 << 20) // bytes))

-- The other end. A function for a thread, and a script for a process: it stands by itself.
local function serve(port, options, kind, size, count)
  if kind == "any" then
    local clients = {}
    for i = 1, size do clients[i] = require("ipc").client("127.0.0.1", port, options) end
    repeat
      for i = 1, size do
        clients[i]:send(i)
        if not clients[i]:recv() then return end
      end
    until false
  end
  local client = require("ipc").client("127.0.0.1", port, options)
  if kind == "round_trip" then
    local value = client:recv()
    while value do
      client:send(value)
      value = client:recv()
    end
  else
    local tensor = kind == "transfer" and require("torch").ByteTensor(size) or nil
    while client:recv() do
      for _ = 1, count do client:recv(tensor) end
      client:send(true)
    end
  end
  client:close()
end

local function start(port)
  if link == "process" then
    local thread = ipc.map(1, serve, port, how[link], mode, bytes, burst)
    return function() thread:join() end
  end
  local process = ipc.spawn { file = arg[-1] or "ipcrun-lua",
    args = { arg[0], mode, bytes, link, port } }
  return function() assert(process:wait() == 0, "the client failed") end
end

local function median_and_p99(samples)
  table.sort(samples)
  return samples[#samples // 2 + 1], samples[#samples * 99 // 100 + 1]
end

---Samples of `operate`, which does `count` operations: microseconds of one.
local function measure(operate, count)
  local function elapsed_us()
    local begin = ipc.clock()
    operate()
    return (ipc.clock() - begin) * 1e6
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

if arg[4] then
  serve(math.tointeger(tonumber(arg[4])), how[link], mode, bytes, burst)
  os.exit(0)
end

local function report(samples)
  print(('{"bench":"connection_%s","ranks":2,"bytes":%d,"p50_us":%.4g,"p99_us":%.4g}')
    :format(mode, bytes, median_and_p99(samples)))
end

local server, port = ipc.server("127.0.0.1", 0, how[link])
local finish <const> = start(port)
if mode == "any" then
  server:clients(bytes, function() end)
  report(measure(function()
    local _, client = server:recvAny()
    client:send(true)
  end, 1))
  local _, client = server:recvAny()
  client:send(false)
  finish()
  os.exit(0)
end
server:clients(1, function(client)
  local took = client:link()
  local expected = link == "encrypted" and "socket" or link
  assert(took == expected, ("the link is %s, not %s"):format(took, expected))
  local samples
  if mode == "round_trip" then
    local value = ("x"):rep(bytes)
    samples = measure(function()
      client:send(value)
      client:recv()
    end, 1)
  else
    local value = mode == "messages" and ("x"):rep(bytes) or torch.ByteTensor(bytes):fill(1)
    samples = measure(function()
      client:send(true)
      for _ = 1, burst do client:send(value) end
      client:recv()
    end, burst)
  end
  client:send(false)
  report(samples)
end)
finish()
