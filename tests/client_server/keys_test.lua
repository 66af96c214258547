-- SPDX-License-Identifier: Apache-2.0
-- Where the key of a connection comes from, and what is told when it is another, or no good.
local ipc = require 'ipc'
local kit = require 'kit'
local t = require 'tap'

-- What a client with other variables of the environment says when it connects.
local function client_says(variables, port, options)
  local program = kit.start_with(variables, [[
    local good, problem = pcall(require 'ipc'.client, ]] .. port .. ', ' .. (options or '{}') .. [[)
    print(good or problem.code .. ': ' .. tostring(problem))
  ]])
  local text = program:stdout '*a'
  t.equal(program:wait(), 0)
  return text
end

-- Raises unless it is refused with this code, and every fragment is in the text.
local function refused(code, variables, port, ...)
  local text = client_says(variables, port)
  for _, fragment in ipairs { code .. ': ', ... } do
    if not text:find(fragment, 1, true) then error(('no "%s" in: %s'):format(fragment, text), 2) end
  end
end

-- Calls `body` with the path of a file that has this text and mode.
local function with_file(text, mode, body)
  local path = os.tmpname()
  local file = assert(io.open(path, 'w'))
  file:write(text, '\n')
  file:close()
  assert(os.execute(('chmod %s %s'):format(mode, path)))
  local good, problem = pcall(body, path)
  os.remove(path)
  if not good then error(problem, 0) end
end

local only_file = function(path) return { IPC_KEY = false, IPC_KEY_FILE = path } end

t.test('keys: equal texts of IPC_KEY meet, and the option key is such a text', function()
  local server <close>, port = ipc.server { key = 'a key for the two of us' }
  t.equal(client_says({ IPC_KEY = 'a key for the two of us' }, port), 'true\n')
  t.equal(client_says({}, port, "{ key = 'a key for the two of us' }"), 'true\n')
end)

t.test('keys: another key is refused, and both ends say so', function()
  local server <close>, port = ipc.server { key = 'the key of the server' }
  refused('config', { IPC_KEY = 'the key of the client' }, port, 'key')
  local problem = kit.failure('timeout', server.clients, server, 1, print, { timeout = 0.05 })
  t.raises('0 of 1 are there', error, problem)
  t.raises('1 connection was refused', error, problem)
  t.equal(client_says({}, port, "{ key = 'the key of the server' }"), 'true\n')
end)

t.test('keys: an IPC_KEY that is too short is an error, and nobody looks further', function()
  with_file('the key of these tests', 600, function(path)
    local server <close>, port = ipc.server()
    refused('usage', { IPC_KEY = 'short', IPC_KEY_FILE = path }, port, 'IPC_KEY',
      '5 bytes is too short', 'openssl rand -hex 32')
    refused('usage', { IPC_KEY = '', IPC_KEY_FILE = path }, port, 'IPC_KEY', '0 bytes')
  end)
end)

t.test('keys: IPC_KEY_FILE is taken where there is no IPC_KEY, and then alone', function()
  with_file('a key that is in a file', 600, function(path)
    local server <close>, port = ipc.server { key_file = path }
    t.equal(client_says(only_file(path), port), 'true\n')
    refused('config', { IPC_KEY = 'the key of these tests', IPC_KEY_FILE = path }, port, 'key')
    local same <close>, same_port = ipc.server { key = 'a key that is in a file' }
    t.equal(client_says(only_file(path), same_port), 'true\n')
  end)
end)

t.test('keys: a file that others may read or write is refused, with what to do', function()
  for _, mode in ipairs { '640', '604', '620', '602' } do
    with_file('the key of these tests', mode, function(path)
      local server <close>, port = ipc.server()
      refused('config', only_file(path), port, path, 'chmod 600')
      t.raises('chmod 600', error, kit.failure('config', ipc.server, { key_file = path }))
      assert(os.execute('chmod 400 ' .. path))
      t.equal(client_says(only_file(path), port), 'true\n')
    end)
  end
end)

t.test('keys: a file that is not there, empty or a folder is an error that names it', function()
  local server <close>, port = ipc.server()
  local path = os.tmpname()
  os.remove(path)
  refused('system', only_file(path), port, path, 'No such file')
  t.raises(path, error, kit.failure('system', ipc.server, { key_file = path }))
  refused('config', only_file(''), port, 'IPC_KEY_FILE is empty')
  refused('config', only_file('/'), port, 'the key file / is no regular file')
  with_file('', 600, function(empty)
    refused('config', only_file(empty), port, empty, '0 bytes')
  end)
end)

t.test("keys: the user's own file is made once, and is the key of all his programs", function()
  local folder = os.tmpname()
  os.remove(folder)
  assert(os.execute('mkdir -m 700 ' .. folder))
  local own = { IPC_KEY = false, IPC_KEY_FILE = false, XDG_CONFIG_HOME = folder }
  local server <close>, port = ipc.server()
  refused('config', own, port, 'key')
  local with_own <close>, own_port = ipc.server { key_file = folder .. '/ipcrun/key' }
  t.equal(client_says(own, own_port), 'true\n')
  assert(os.execute('rm -r ' .. folder))
end)

t.test('keys: without one, and without a home for one, it is told what to set', function()
  local server <close>, port = ipc.server()
  local nowhere = { IPC_KEY = false, IPC_KEY_FILE = false, XDG_CONFIG_HOME = '/proc/nothing' }
  refused('config', nowhere, port, 'set IPC_KEY')
  t.equal(client_says({}, port), 'true\n')
end)

t.done()
