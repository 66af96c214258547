-- SPDX-License-Identifier: Apache-2.0
-- How fast the remotes are, measured: with as many children as there are cores, all at work.
local use <const> = ...
local state, errors = use "state", use "errors"
local parallel = state.parallel

-- What a child does: as many additions as it can in this time, once all are there.
local work <const> = [[
  local torch, sys = require 'torch', require 'sys'
  local data, seconds = torch.Tensor(10000):fill(1), 0.2
  parallel.yield()
  local count = 0
  sys.tic()
  repeat
    data:add(13, data)
    data:fill(1)
    count = count + 1
  until sys.toc() >= seconds
  parallel.parent:send(count / sys.toc())
]]

---Sets the speed of each remote: 1.0 for the fastest, and never less than 0.1.
function parallel.calibrate()
  local remotes = parallel.remotes
  if #remotes == 0 then
    errors.usage("<parallel.calibrate> calibration can only be done after addremote() is called")
  end
  local children = parallel.sfork(remotes.cores)
  local speeds, counts, fastest = {}, {}, 0
  do
    children:exec(work)
    children:join()
    local rates = children:receive()
    for i, child in ipairs(children) do
      local remote = child.remote
      speeds[remote] = (speeds[remote] or 0) + rates[i]
      counts[remote] = (counts[remote] or 0) + 1
    end
  end
  children:sync()
  for remote, sum in pairs(speeds) do
    speeds[remote] = sum / counts[remote]
    fastest = math.max(fastest, speeds[remote])
  end
  for remote, speed in pairs(speeds) do
    remote.speed = math.max(math.floor(speed / fastest * 10 + 0.5) / 10, 0.1)
  end
end

return true
