-- SPDX-License-Identifier: Apache-2.0
-- The older way: code is run in children that are there for it alone, and join waits for their end.
--   ipcrun-lua examples/parallel/old_interface.lua
require "parallel"
require "lab"

-- How far a receiver may lag behind before its sender waits.
parallel.setSharedSize(16 * 1024 * 1024)

-- As text, or as a function: either way it starts from nothing. Arguments come as "...".
local code = [[
  require "parallel"
  require "lab"
  local rows, columns = ...
  local matrix = parallel.parent:receive()
  assert(matrix:size(1) == rows and matrix:size(2) == columns)
  parallel.parent:send { mean = matrix:mean(), of = parallel.id }
]]

for _ = 1, 4 do parallel.run(code, 100, 200) end
for i = 1, 4 do parallel.children[i]:send(lab.ones(100, 200):mul(i)) end

-- The same for all of them: a list keyed as the children are.
local replies = parallel.children:receive()
for i, reply in ipairs(replies) do
  assert(reply.of == i)
  print(("child %d: mean %g"):format(i, reply.mean))
end

parallel.children:join()
print("all have ended")
parallel.close()
