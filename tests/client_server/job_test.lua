-- SPDX-License-Identifier: Apache-2.0
-- In a job nobody sets a key: its ranks and their children have the secret of the job, and others
-- have not. Rank 0 listens. To be run by two ranks, without a key in the environment.
local ipc = require 'ipc'
local kit = require 'kit'
local parallel = require 'parallel'
local t = require 'tap'

local world = ipc.world()

-- What the children of ranks run.
local function child_of_rank()
  local at, by, text = table.unpack((parallel.parent:receive()))
  local client <close> = require 'ipc'.client(at, { link = by })
  client:send(text .. ' by ' .. client:link())
  client:recv()
end

if world.rank == 1 then
  local at = world:receive { from = 0 }
  local child = parallel.run(child_of_rank)
  child:send { at, 'fastest', 'its child' }
  local client <close> = ipc.client(at)
  client:send('a rank by ' .. client:link())
  client:recv()
  child:sync()
  os.exit(0, true)
end

local server <close>, port = ipc.server()

t.test('job: a rank, its children and those of others meet without a key', function()
  world:send(port, 1)
  local child = parallel.run(child_of_rank)
  child:send { port, 'socket', 'a child of the server' }
  local texts = {}
  server:clients(3, function(client) texts[#texts + 1] = client:recv() end, { timeout = 30 })
  server:broadcast 'bye'
  child:sync()
  table.sort(texts)
  t.equal(table.concat(texts, ', '),
    'a child of the server by socket, a rank by memory, its child by memory')
end)

t.test('job: who is not of it is refused, and knows what to do', function()
  for key, text in pairs { ['some key, of 16 bytes'] = 'config: ', [false] = 'set IPC_KEY' } do
    local program = ipc.spawn { file = 'env', args = { '-i', 'XDG_CONFIG_HOME=/proc/nothing',
      'LUA_PATH=' .. os.getenv 'LUA_PATH', 'LUA_CPATH=' .. (os.getenv 'LUA_CPATH' or ''),
      key and 'IPC_KEY=' .. key or 'NO_KEY=1', kit.executable(), '-e', ([[
        local good, problem = pcall(require 'ipc'.client, %d)
        print(good or problem.code .. ': ' .. tostring(problem))]]):format(port) } }
    local output = program:stdout '*a'
    t.equal(program:wait(), 0)
    assert(output:find '^config: ' and output:find(text, 1, true), output)
  end
  kit.failure('timeout', server.clients, server, 4, print, { timeout = 0.05 })
end)

t.done()
