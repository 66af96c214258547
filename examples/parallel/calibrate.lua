-- SPDX-License-Identifier: Apache-2.0
-- Remote machines, here two names of this one: how fast they are to each other, and a share of the
-- processes for each.
--   ipcrun-lua examples/parallel/calibrate.lua
require "parallel"

parallel.addremote({ ip = "localhost", cores = 2 }, { ip = "127.0.0.1", cores = 1 })
parallel.calibrate()
for _, remote in ipairs(parallel.remotes) do
  print(("%s has %d cores"):format(remote.ip, remote.cores))
  io.stderr:write(("%s has speed %g\n"):format(remote.ip, remote.speed))
  assert(remote.speed > 0 and remote.speed <= 1)
end

local function worker() parallel.parent:send(parallel.id) end

local children = parallel.sfork(parallel.remotes.cores)
children:exec(worker)
local count = 0
for _, child in ipairs(children) do
  assert(child:receive() == child.id and child.speed == child.remote.speed)
  count = count + 1
end
children:sync()
print(("%d processes on %d remotes"):format(count, #parallel.remotes))
parallel.close()
