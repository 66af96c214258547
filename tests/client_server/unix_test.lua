-- SPDX-License-Identifier: Apache-2.0
-- ipc.server and ipc.client at Unix sockets of odd names.
local ipc = require 'ipc'
local t = require 'tap'

t.test('server and client: a Unix socket may be a name without a file', function()
  local server <close> = ipc.server('unix:@ipcrun-calls-' .. ipc.getpid())
  local client <close> = ipc.client(server:address())
  client:send 'abstract'
  t.equal(server:recvAny(), 'abstract')
end)

t.test('client: a file that is no socket is refused at once', function()
  local path = os.tmpname()
  t.raises('connect to unix:' .. path .. ': the file is no socket', ipc.client, 'unix:' .. path)
  os.remove(path)
end)

t.done()
