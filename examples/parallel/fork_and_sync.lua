-- SPDX-License-Identifier: Apache-2.0
-- Generations of children: each is started, works, and is waited for; numbers go on.
--   ipcrun-lua examples/parallel/fork_and_sync.lua
require "parallel"
require "torch"
require "sys"

local function worker()
  require "torch"
  require "sys"
  parallel.yield()
  sys.tic()
  local t = torch.Tensor(10000):fill(1)
  for _ = 1, 200 do t:add(13, t) end
  parallel.parent:send(sys.toc())
end

for generation = 1, 2 do
  local children = parallel.sfork(4)
  children:exec(worker)
  -- None of them begins before all are there.
  children:join()
  local times = children:receive()
  assert(#times == 4)
  for _, seconds in ipairs(times) do assert(seconds > 0) end
  children:sync()
  print(("generation %d: children %d to %d have ended, %d are left"):format(generation,
    children[1].id, children[4].id, parallel.nchildren))
end

-- Children are numbered on and on; those that were waited for are gone.
local first = parallel.fork()
assert(first.id == 9 and parallel.children[1] == nil and parallel.children[9] == first)
parallel.close()
print("closed")
