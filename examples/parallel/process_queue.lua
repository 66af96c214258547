-- SPDX-License-Identifier: Apache-2.0
-- Functions travel, with what they have closed over: the parent tells each worker what to do with
-- the frames that follow, and goes on before they are done.
--   ipcrun-lua examples/parallel/process_queue.lua
require "parallel"
require "torch"

local workers <const>, frames <const> = 3, 30

local function worker()
  require "torch"
  local process = parallel.parent:receive()
  while true do
    local frame = parallel.parent:receive()
    if frame == nil then break end
    process(frame)
  end
end

local children = parallel.nfork(workers)
children:exec(worker)
for i = 1, workers do
  -- `i` goes with the function.
  children[i]:send(function(frame)
    parallel.parent:send { worker = i, number = frame.number, brightness = frame.pixels:mean() }
  end)
end

for number = 1, frames do
  local child = children[(number - 1) % workers + 1]
  child:send { number = number, pixels = torch.FloatTensor(60, 80):fill(number) }
end
-- nil is a value like others; here it says that no more frames follow.
children:send(nil)

local seen = {}
for _ = 1, frames do
  local result, child = children:receiveAny()
  assert(child.id == children[result.worker].id and result.brightness == result.number)
  seen[result.number] = true
end
children:sync()
print(("%d frames by %d workers, %d are left"):format(#seen, workers, parallel.nchildren))
parallel.close()
