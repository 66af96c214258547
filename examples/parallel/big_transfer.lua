-- SPDX-License-Identifier: Apache-2.0
-- Pictures to a worker, and how long each takes: one copy, which the worker keeps.
--   ipcrun-lua examples/parallel/big_transfer.lua [PICTURES]
require "parallel"
require "torch"
require "sys"

local pictures <const> = tonumber(arg and arg[1]) or 100

local function worker()
  require "torch"
  -- There is no end to it: the parent closes.
  while true do
    parallel.yield()
    local picture = parallel.parent:receive()
    parallel.parent:send(picture[3][480][640])
  end
end

local function parent()
  local child = parallel.fork()
  child:exec(worker)
  local picture = torch.FloatTensor(3, 480, 640):fill(0.25)
  local seconds = 0
  for number = 1, pictures do
    child:join()
    picture[3][480][640] = number
    sys.tic()
    child:send(picture)
    local seen = child:receive()
    seconds = seconds + sys.toc()
    assert(seen == number)
  end
  print(("%d pictures of %.1f MB"):format(pictures, picture:nElement() * 4 / 1e6))
  io.stderr:write(("%.0f us each\n"):format(seconds / pictures * 1e6))
end

local good, message = xpcall(parent, debug.traceback)
parallel.close()
if not good then error(message, 0) end
