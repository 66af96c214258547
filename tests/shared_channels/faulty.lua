-- SPDX-License-Identifier: Apache-2.0
--- Children that are killed at a chosen step of using a shared queue: runtime/faults.hpp.
local parallel = require 'parallel'
local faulty = {}

--- As parallel.run(code), for a child in which the fault strikes. `operation` counts the writes and
--- reads of each channel.
function faulty.run(point, operation, code)
  local name = os.tmpname()
  local file = assert(io.open(name, 'w'))
  file:write(("#!/bin/sh\nIPCRUN_FAULT=%s:0:%d exec '%s' \"$@\"\n"):format(point, operation,
    arg[-1]))
  file:close()
  assert(os.execute(("chmod u+x '%s'"):format(name)))
  local child = parallel.fork(nil, nil, name)
  child:exec(code)
  child:send('has begun')
  child:receive()
  os.remove(name)
  return child
end

--- The code of such a child, around what it is to do with the value that it is sent then.
function faulty.code(body)
  return ([[
    parallel.parent:receive()
    parallel.parent:send('has begun')
    local ipc, torch = require 'ipc', require 'torch'
    local got = parallel.parent:receive()
    %s
  ]]):format(body)
end

--- Waits for the child's end, which must be by SIGKILL.
function faulty.killed(child)
  local good, problem = pcall(child.sync, child)
  assert(not good and tostring(problem):find('signal 9'), tostring(problem))
end

return faulty
