-- SPDX-License-Identifier: Apache-2.0
--- What tests of servers and clients share.
local ipc = require 'ipc'
local kit = {}

kit.links = { 'fastest', 'memory', 'socket' }

--- A server, a client of it with these options, and the server's port.
function kit.pair(options)
  local server, port = ipc.server(options)
  local client = ipc.client(port, options)
  return server, client, port
end

--- Calls `body` with the server's end of the only client.
function kit.with(server, body)
  if server:clients(1, body, { timeout = 30 }) ~= 1 then error('there is not one client', 2) end
end

--- Starts a process that runs `code`, in which `arg` is a list of what else is given.
function kit.start(code, ...)
  local texts = {}
  for i, value in ipairs { ... } do texts[i] = ('%q'):format(value) end
  code = ('arg = { %s } '):format(table.concat(texts, ', ')) .. code
  return ipc.spawn { file = kit.interpreter(), args = { '-e', code } }
end

--- This interpreter.
function kit.interpreter()
  local lowest = 0
  while arg[lowest - 1] do lowest = lowest - 1 end
  return arg[lowest]
end

--- The file of it, for where PATH does not lead to it.
function kit.executable()
  local pipe <close> = assert(io.popen('readlink /proc/' .. ipc.getpid() .. '/exe'))
  return (pipe:read 'l')
end

--- Starts a process that runs `code`, with these variables beside the environment's; a false one is
--- taken away.
function kit.start_with(variables, code)
  local arguments = {}
  for name, value in pairs(variables) do
    table.insert(arguments, value and #arguments + 1 or 1, value and name .. '=' .. value
      or '--unset=' .. name)
  end
  table.move({ kit.interpreter(), '-e', code }, 1, 3, #arguments + 1, arguments)
  return ipc.spawn { file = 'env', args = arguments }
end

--- The error that the call raises, which is to be a table with that code.
function kit.failure(code, call, ...)
  local good, problem = pcall(call, ...)
  if good then error('nothing was raised', 2) end
  if type(problem) ~= 'table' or problem.code ~= code then
    error(('expected an error of code %s, got: %s'):format(code, tostring(problem)), 2)
  end
  return problem
end

return kit
