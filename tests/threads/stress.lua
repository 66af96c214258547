-- SPDX-License-Identifier: Apache-2.0
-- Threads that write, read, select, lock, close, fail and drop what they have, in an order that a
-- seed decides: whatever they do, everybody ends, nobody reads what was not written, and no item is
-- read twice.
--   lua5.4 stress.lua [SECONDS [SEED]]
-- IPCRUN_STRESS gives the seconds, too; with SEED it is one round.
local t = require 'tap'
local ipc = require 'ipc'
local torch = require 'torch'

local seconds <const> = tonumber(arg[1] or os.getenv 'IPCRUN_STRESS') or 5
local only_seed <const> = tonumber(arg[2])
-- Longer than any round takes; what lasts longer is stuck.
local patience <const> = 60

-- One thread's steps. It has no upvalues.
local function act(seed, channels, queue, mutex, marshalled, steps, id)
  local ipc = require 'ipc'
  local torch = require 'torch'
  local random = seed + 1000003 * id
  local function below(n) -- a generator of its own, so that a seed gives the same steps
    random = (random * 6364136223846793005 + 1442695040888963407)
    return (random >> 33) % n + 1
  end
  local written, read = {}, {}
  local function any() return channels[below(#channels)] end
  local function note(item)
    if type(item) == 'table' and item.id then read[#read + 1] = item.id end
  end
  local function new_item()
    local item = { id = ('%d:%d:%d'):format(seed, id, #written + 1), text = ('x'):rep(below(300)) }
    local kind = below(5)
    if kind == 1 then item.tensor = torch.FloatTensor(below(1000)):fill(id) end
    if kind == 2 then item.channel = any() end
    return item
  end
  local function write(call)
    local item = new_item()
    local status = call(item)
    if status == ipc.channel.OPEN then written[#written + 1] = item.id end
  end
  local does <const> = {
    function() write(function(item) return any():try_write(item) end) end,
    function() write(function(item) return any():write_for(0.001 * below(5), item) end) end,
    function() write(function(item) return any():try_write(item) end) end,
    function() local _, item = any():read(true); note(item) end,
    function() local _, item = any():read { timeout = 0.001 * below(5) }; note(item) end,
    function()
      local _, _, item = ipc.select { channels[1], channels[2], queue, timeout = 0.001 * below(3) }
      note(item)
    end,
    function() queue:write { text = 'an answer' } end,
    function() queue:read(true) end,
    function()
      mutex:lock()
      local kept, problem = pcall(function()
        if below(5) == 1 then error 'with the mutex locked' end
        marshalled:read()
      end)
      mutex:unlock()
      assert(kept or problem:find 'with the mutex locked')
    end,
    function() collectgarbage() end,
    function() pcall(any().write, any(), coroutine.create(function() end)) end,
    function() ipc.marshal({ any(), queue, mutex }):read() end,
    function() if below(40) == 1 then any():close() end end,
    function() if below(60) == 1 then error 'a thread fails' end end,
    function()
      if below(30) == 1 then ipc.map(2, function(c) c:try_write(1) end, any()) end -- dropped
    end,
  }
  for _ = 1, steps do does[below(#does)]() end
  -- A blocking read, which ends when the channel is closed.
  if below(3) == 1 then local _, item = any():read(); note(item) end
  return { written = written, read = read }
end

local function run_round(seed)
  math.randomseed(seed)
  local channels = {}
  for i = 1, 3 do
    local capacity = math.random(0, 4)
    channels[i] = capacity > 0 and ipc.channel { capacity = capacity } or ipc.channel()
  end
  local queue, mutex = ipc.workqueue(), ipc.mutex()
  local marshalled = ipc.marshal { 1, 'two', torch.ones(3) }
  local maps = {}
  for i = 1, math.random(1, 3) do
    maps[i] = ipc.map(math.random(1, 4), act, math.random(1 << 30) + i, channels, queue, mutex,
      marshalled, math.random(0, 300))
  end
  for _ = 1, math.random(0, 50) do
    queue:write(math.random(100))
    queue:read(true)
    if math.random(10) == 1 then collectgarbage() end
  end
  for _, channel in ipairs(channels) do channel:close() end
  queue:close()
  local times_read = {}
  for _, map in ipairs(maps) do
    local results = table.pack(pcall(map.join, map, patience))
    if not results[1] and type(results[2]) == 'table' then error(tostring(results[2])) end
    for i = 2, results[1] and results.n or 1 do
      for _, id in ipairs(results[i].read) do
        times_read[id] = (times_read[id] or 0) + 1
        assert(times_read[id] == 1, 'an item was read twice')
      end
    end
    if not results[1] then
      local text = results[2]
      assert(text:find 'a thread fails' or text:find 'is not open' or text:find 'closed',
        'an error that nobody raised: ' .. text)
    end
  end
end

t.test(('threads: whatever they do, everybody ends and no item comes twice (%g s)'):format(seconds),
  function()
    local started, rounds = ipc.clock(), 0
    repeat
      local seed = only_seed or math.random(1 << 40)
      local good, problem = xpcall(run_round, debug.traceback, seed)
      if not good then error(('seed %d: %s'):format(seed, problem), 0) end
      rounds = rounds + 1
    until only_seed or ipc.clock() - started > seconds
    print(('# %d rounds'):format(rounds))
  end)
t.done()
