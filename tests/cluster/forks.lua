-- SPDX-License-Identifier: Apache-2.0
-- What forks.sh runs on h1: children on other hosts, by ssh.
--   ipcrun-lua forks.lua PART [FOLDER]
local parallel = require 'parallel'
local torch = require 'torch'
local part <const>, folder <const> = arg[1], arg[2]

local where <const> = [[
  local pipe = io.popen('hostname')
  parallel.parent:send(pipe:read('l'))
]]

local parts = {}

-- What comes back is what went.
function parts.echo()
  local text = ([['"\`$(kill $$)%n!*;&|<>~]] .. '\0\n\r\27\xff'):rep(50000)
  local child = parallel.fork('h2', nil, nil, text)
  child:exec [[
    local text = ...
    while true do
      local value = parallel.parent:receive()
      if value == 'stop' then break end
      parallel.parent:send(value == 'text' and text or value)
    end
    io.stderr:write(parallel.id, ' on ', parallel.ip, ' stops\n')
  ]]
  child:send 'text'
  print('text', child:receive() == text)
  local tensor = torch.range(1, 1000000)
  child:send { tensor, { name = 'x', tensor } }
  local got = child:receive()
  print('table', got[1]:sum() == tensor:sum(), got[2].name, got[2][1]:size(1))
  child:send 'stop'
  child:sync()
  print('left', parallel.nchildren)
end

function parts.remotes()
  parallel.addremote({ ip = 'h1', cores = 8 }, { ip = 'h2', cores = 16 }, { ip = 'h3', cores = 4 })
  local children = parallel.sfork(16)
  children:exec(where)
  local counts = { h1 = 0, h2 = 0, h3 = 0 }
  for _, host in ipairs(children:receive()) do counts[host] = counts[host] + 1 end
  print(counts.h1, counts.h2, counts.h3, parallel.remotes.cores)
  children:sync()
  print(parallel.remotes.cores)
end

function parts.full()
  parallel.addremote({ ip = 'h2', cores = 1 }, { ip = 'h3', cores = 2 })
  local children = parallel.sfork(5)
  children:exec(where)
  print(table.concat(children:receive(), ' '))
  children:sync()
  print(parallel.remotes.cores)
end

function parts.calibrate()
  parallel.addremote({ ip = 'h2', cores = 1 }, { ip = 'h3', cores = 1 }, { ip = 'h3-b', cores = 1 })
  parallel.calibrate()
  local fastest = 0
  for _, remote in ipairs(parallel.remotes) do
    local tenths = remote.speed * 10
    assert(tenths >= 1 and math.abs(tenths - math.floor(tenths + 0.5)) < 1e-9)
    fastest = math.max(fastest, remote.speed)
  end
  print('fastest', fastest, parallel.remotes.cores)
end

-- A child of a child, which is on the first one's parent's host.
function parts.nested()
  local child = parallel.fork('h2')
  child:exec [[
    local grandchild = parallel.fork('h3')
    grandchild:exec [=[
      local pipe = io.popen('hostname')
      parallel.parent:send(parallel.ip .. ' is ' .. pipe:read('l'))
    ]=]
    parallel.parent:send(grandchild:receive())
    grandchild:sync()
  ]]
  print((child:receive()))
  child:sync()
end

function parts.protocol()
  local asked
  local child = parallel.fork('h2', function(host, command)
    asked = host
    return { 'ssh', '-o', 'LogLevel=ERROR', host, command }
  end)
  child:exec(where)
  print(asked, (child:receive()))
  child:sync()
  child = parallel.fork('h2', 'ssh -Y -o LogLevel=ERROR')
  child:exec(where)
  print((child:receive()))
  child:sync()
end

function parts.folder()
  local child = parallel.fork('h2')
  child:exec [[
    local pipe = io.popen('pwd -P')
    parallel.parent:send(pipe:read('l') .. ' ' .. os.getenv('PWD'))
  ]]
  print((child:receive()))
  child:sync()
end

local function tell(...)
  local good, problem = pcall(...)
  print(good and 'no error' or problem.code .. ': ' .. problem.message)
end

function parts.fails()
  tell(parallel.fork, 'h4')
  tell(parallel.fork, 'nohost')
  tell(parallel.fork, 'h2', nil, '/no/such/lua')
  local child = parallel.fork('h2')
  child:exec 'error("broken here")'
  tell(child.sync, child)
  child = parallel.fork('h2')
  child:exec 'os.exit(3)'
  tell(child.sync, child)
end

-- Until somebody ends it, or loses a host: what the child says is received in vain.
function parts.wait()
  local children = parallel.nfork { 1, ip = 'h2' }
  children:exec [[
    os.execute('sleep 1000 & (setsid sleep 1000 &)')
    parallel.parent:send('up')
    require('sys').sleep(1000)
  ]]
  children:receive()
  assert(io.open(folder .. '/up', 'w')):close()
  local start = os.time()
  tell(children.receive, children)
  print(os.time() - start < 25 and 'in time' or 'late')
end

parts[part]()
