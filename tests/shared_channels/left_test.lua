-- SPDX-License-Identifier: Apache-2.0
-- What channels leave behind: no descriptors, no mappings, no memory.
local ipc = require 'ipc'
local parallel = require 'parallel'
local script = require 'script'
local t = require 'tap'
local torch = require 'torch'

local function count_lines(command)
  local pipe = io.popen(command)
  local count = 0
  for _ in pipe:lines() do count = count + 1 end
  pipe:close()
  return count
end

local own_pid <const> = io.open('/proc/self/stat'):read('n')

-- Descriptors and mappings of queues that a process has.
local function queues_of(pid)
  collectgarbage()
  collectgarbage()
  return count_lines(("ls -l /proc/%s/fd | grep ipcrun-queue"):format(pid)),
    count_lines(("grep ipcrun-queue /proc/%s/maps"):format(pid))
end

t.test('shared channel: 2,000 that were handed over and dropped leave nothing', function()
  local child = parallel.run [[
    while true do
      local got = parallel.parent:receive()
      if got == 'count' then
        collectgarbage()
        collectgarbage()
      else
        got:write(1)
      end
      got = nil
      parallel.parent:send('done')
    end
  ]]
  for _ = 1, 2000 do
    local c = ipc.channel { shared = true }
    child:send(c)
    child:receive()
    t.equal(select(2, c:read()), 1)
  end
  child:send('count')
  child:receive()
  local fds, maps = queues_of(own_pid)
  t.equal(fds, 0)
  t.equal(maps, 0)
  fds, maps = queues_of(child.unixid)
  t.equal(fds, 0)
  t.equal(maps, 0)
  child:kill('KILL')
  pcall(child.sync, child)
end)

t.test('shared channel: more than there are descriptors can be made and dropped', function()
  local text, status = script.run([[
    local ipc = require 'ipc'
    collectgarbage('generational')
    for i = 1, 500 do ipc.channel { shared = true }:write(i) end
    print('made')
  ]], 'ulimit -n 64;')
  t.equal(text, 'made\n')
  t.equal(status, 0)
end)

t.test('shared channel: too many at once are an error that says so', function()
  local text = script.run([[
    local ipc = require 'ipc'
    local all = {}
    local good, problem = pcall(function()
      for i = 1, 500 do all[i] = ipc.channel { shared = true } end
    end)
    print(good, problem.code, problem)
  ]], 'ulimit -n 64;')
  assert(text:find('^false\tsystem\t.*Too many open files'), text)
end)

t.test('shared channel: the last tensor that came keeps the memory, and lets it go', function()
  local c = ipc.channel { shared = true }
  c:write(torch.ones(100000))
  local _, tensor = c:read()
  c = nil  -- luacheck: ignore 311
  local _, maps = queues_of(own_pid)
  t.equal(maps > 0, true)
  t.equal(tensor:sum(), 100000.0)
  tensor = nil  -- luacheck: ignore 311
  local fds
  fds, maps = queues_of(own_pid)
  t.equal(fds, 0)
  t.equal(maps, 0)
end)

t.test('shared channel: one with items in it leaves nothing', function()
  do
    local c = ipc.channel { shared = true }
    c:write(torch.ones(100000), 'short')
  end
  t.equal((queues_of(own_pid)), 0)
end)

t.done()
