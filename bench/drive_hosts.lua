-- SPDX-License-Identifier: Apache-2.0
-- How long it takes to start and end a job on four hosts, beside the ssh that it cannot do without:
-- one to each of them at the same time; how long a message takes between two of them, beside
-- libfabric; and an allreduce of all of them, beside Open MPI.
--   lua5.4 bench/drive_hosts.lua [--parts jobs,messages,allreduce] [--rounds N] [--output FILE]
-- The hosts are pretended (tests/cluster): root is needed.
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"

local options = driver.options(arg, { rounds = 15, parts = { "jobs", "messages", "allreduce" } })
local parts <const> = driver.set(options.parts)
local cluster <const> = "tests/cluster/cluster.sh "

local up = driver.capture("cd " .. cluster:match "(.*)cluster.sh"
  .. " && ./cluster.sh up $PPID 4 $(realpath ../..)")
if not up then
  print "bench: hosts cannot be pretended here"
  os.exit(0)
end
local folder <const> = up:match "[^\n]+"
local on_h1 <const> = "IPCRUN_CLUSTER=" .. folder .. " " .. cluster .. "exec h1 "
local stopwatch <const> = on_h1 .. "build/bench/spawn_limit 1 "
local hosts <const> = "--hosts h1:%d,h2:%d,h3:%d,h4:%d "
local ssh <const> = stopwatch
  .. "sh -c 'for host in h1 h2 h3 h4; do ssh -T -o BatchMode=yes $host true & done; wait'"

local function ours(slots, arguments)
  return { "ipcrun", "ipcrun", stopwatch .. "build/launcher/ipcrun "
    .. hosts:format(slots, slots, slots, slots) .. arguments }
end

local jobs <const> = {
  { bench = "hosts", title = "4 hosts x 8 ranks", ranks = 32, goal_more_us = 200e3,
    beside = "4 x ssh", contestants = { ours(8, "true"), { "4 x ssh", "ssh", ssh } } },
  { bench = "hosts", title = "4 hosts x 8 ranks, as a chain", ranks = 32, beside = "4 x ssh",
    contestants = { ours(8, "--ssh-fan-out 1 true"), { "4 x ssh", "ssh", ssh } } },
  { bench = "hosts", title = "4 hosts x 1 rank", ranks = 4, goal_more_us = 200e3,
    beside = "4 x ssh", contestants = { ours(1, "true"), { "4 x ssh", "ssh", ssh } } },
}

if parts.jobs then require "groups".run(jobs, options) end
if parts.messages then require "groups".run(require "host_messages".groups(folder), options) end
if parts.allreduce then require "groups".run(require "host_allreduce".groups(on_h1), options) end
driver.capture("IPCRUN_CLUSTER=" .. folder .. " " .. cluster .. "down")
