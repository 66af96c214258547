-- SPDX-License-Identifier: Apache-2.0
-- Messages between two that met by a connection, over each of its links, beside raw sockets, a pipe
-- and ZeroMQ; and an allreduce over torch-ipc's tree beside that of a job's world.
--   lua5.4 bench/drive_connections.lua [--sizes S,...] [--clients N,...] [--rounds N] [--nodes N]
--                                      [--output FILE]
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"
local rounds = require "rounds"
local targets = require "targets"

local options <const> = driver.options(arg, { rounds = 5, nodes = 8,
  sizes = { 4096, 65536, 1 << 20, 64 << 20 }, clients = { 10, 100, 1000, 4000 },
  reductions = { 4096, 1 << 20, 64 << 20 } })
local circumstances <const> = driver.circumstances()
local all = {}

local function ours(name, link)
  return { name = name, program = "bench/connections.lua", command = function(mode, bytes)
    return ("ipcrun-lua bench/connections.lua %s %d %s"):format(mode, bytes, link)
  end }
end

local function peer(name, program)
  return { name = name, program = "build/bench/" .. program, peer = true,
    command = function(mode, bytes)
      if mode == "messages" then mode = "transfer" end
      return ("build/bench/%s %s %d"):format(program, mode, bytes)
    end }
end

local everybody <const> = {
  ours("ipcrun by pointers", "process"),
  ours("ipcrun by memory", "memory"),
  ours("ipcrun by TCP", "socket"),
  ours("ipcrun encrypted", "encrypted"),
  peer("TCP", "stream_tcp"),
  peer("Unix socket", "stream_unix"),
  peer("pipe", "stream_pipe"),
  peer("ZeroMQ", "stream_zmq"),
  peer("ZeroMQ by TCP", "stream_zmq_tcp"),
}

local present <const> = {}
for _, contestant in ipairs(everybody) do
  if driver.has_file(contestant.program) then
    present[#present + 1] = contestant
  else
    print(contestant.name .. ": not here, left out")
  end
end

---Prints and keeps the results of one cell.
local function keep(results)
  driver.append(options.output, results, circumstances)
  for _, result in ipairs(results) do
    all[#all + 1] = result
    print(("%s %s, %s: %s%s"):format(result.bench, driver.format_bytes(result.bytes), result.what,
      driver.format_us(result.p50_us),
      result.ratio_to_peer and (" (%.2f of the best peer)"):format(result.ratio_to_peer) or ""))
  end
end

-- What runs over TCP is measured against what does.
local peers_of <const> = { ["ipcrun by TCP"] = { "TCP", "ZeroMQ by TCP" },
  ["ipcrun encrypted"] = { "TCP", "ZeroMQ by TCP" } }

local function run(mode, bytes)
  local measured = rounds.run(present, options.rounds, function(contestant)
    return contestant.command(mode, bytes)
  end)
  local results = rounds.results(measured, present,
    { bench = "connection_" .. mode, ranks = 2, bytes = bytes },
    { "pipe", "ZeroMQ", "Unix socket" })
  for _, result in ipairs(results) do
    local peers = peers_of[result.what]
    if peers then result.ratio_to_peer = rounds.ratio(measured, result.what, peers) end
  end
  keep(results)
end

-- Two descriptors for each client by TCP, and some addresses for one by memory.
local function any_of(name, link)
  return { name = name, command = function(clients)
    return ('bash -c "ulimit -n \\$(ulimit -Hn); ipcrun-lua bench/connections.lua any %d %s"')
      :format(clients, link)
  end }
end

local function reduction(name, command, is_peer)
  return { name = name, peer = is_peer,
    command = function(bytes) return command:format(bytes, options.nodes) end }
end

-- The world of a job is the limit here: the same operation where a launcher has prepared all.
local reductions <const> = {
  reduction("ipcrun tree", "ipcrun-lua bench/tree_allreduce.lua %d tree %d"),
  reduction("limit", "ipcrun -n " .. options.nodes .. " bench/tree_allreduce.lua %d world", true),
  reduction("ipcrun tree by TCP", "ipcrun-lua bench/tree_allreduce.lua %d socket %d"),
}

run("round_trip", 100)
run("messages", 100)
for _, bytes in ipairs(options.sizes) do run("transfer", bytes) end
for _, clients in ipairs(options.clients) do
  local ways = { any_of("recvAny by TCP", "socket") }
  if clients <= 1000 then ways[2] = any_of("recvAny by memory", "memory") end
  local measured = rounds.run(ways, options.rounds, function(way) return way.command(clients) end)
  local results = rounds.results(measured, ways,
    { bench = "connection_any", ranks = clients + 1, bytes = clients }, {})
  driver.append(options.output, results, circumstances)
  for _, result in ipairs(results) do
    print(("%s of %d: %s"):format(result.what, clients, driver.format_us(result.p50_us)))
  end
end
for _, bytes in ipairs(options.reductions) do
  local measured = rounds.run(reductions, options.rounds, function(contestant)
    return contestant.command(bytes)
  end)
  keep(rounds.results(measured, reductions,
    { bench = "tree_allreduce", ranks = options.nodes, bytes = bytes }, {}))
end
for _, line in ipairs(targets.lines(all)) do print("miss: " .. line) end
