-- SPDX-License-Identifier: Apache-2.0
-- Ctrl-C ends a program that waits for somebody. The interpreter lua5.4 only takes note of the
-- first one until a function of C returns, as in io.read; the second ends it.
local ipc = require 'ipc'
local kit = require 'kit'
local t = require 'tap'

local is_plain <const> = not kit.interpreter():find('ipcrun%-lua$')

-- A program that waits in `call`, and its pid.
local function start_waiting(call, link)
  local program = ipc.spawn { file = 'timeout', args = { '20', 'env', '--default-signal=INT',
    kit.interpreter(), '-e', ([[
      local ipc = require 'ipc'
      local server, port = ipc.server { link = '%s' }
      local client = ipc.client(port, { link = '%s' })
      local text = ('x'):rep(1 << 22)
      server:clients(1, function() end)
      print(ipc.getpid())
      io.stdout:flush()
      ]]):format(link, link) .. call } }
  return program, program:stdout '*l'
end

-- A line of /proc about the process; empty when it is gone.
local function status_of(pid, name)
  local status <close> = io.open('/proc/' .. pid .. '/status')
  return status and status:read 'a':match('\n' .. name .. ':%s*(%S+)') or ''
end

local function is_asleep(pid) return status_of(pid, 'State') == 'S' end

-- lua5.4 leaves a second SIGINT to the system.
local function catches_no_interrupt(pid)
  return (tonumber(status_of(pid, 'SigCgt'), 16) or 0) & 2 == 0
end

local function await(condition, pid)
  local begin = ipc.clock()
  while not condition(pid) do assert(ipc.clock() - begin < 10, 'in vain') end
end

local function interrupt(pid) os.execute('kill -INT ' .. pid .. ' 2>/dev/null') end

local waits <const> = {
  { 'client:recv()', 'process', 'memory', 'socket' },
  { 'server:recvAny()', 'process', 'memory', 'socket' },
  { 'server:poll()', 'process', 'memory', 'socket' },
  { 'while true do client:send(text) end', 'process', 'memory', 'socket' },
  { 'server:clients(2, print)', 'process' },
  { "server:close() ipc.client('127.0.0.1', port)", 'process' },
}

for _, wait in ipairs(waits) do
  for i = 2, #wait do
    local link <const> = wait[i] == 'process' and 'fastest' or wait[i]
    t.test(('interrupts: they end %s (%s)'):format(wait[1], wait[i]), function()
      local program, pid = start_waiting(wait[1], link)
      await(is_asleep, pid)
      local begin = ipc.clock()
      interrupt(pid)
      if is_plain then
        await(catches_no_interrupt, pid)
        interrupt(pid)
      end
      local status = program:wait()
      -- 0 is that of a signal; or lua5.4 was not in the wait yet, and raised an error.
      assert(status == 0 or is_plain and status == 1, status)
      assert(ipc.clock() - begin < 5, 'it took its time')
    end)
  end
end

t.done()
