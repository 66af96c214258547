-- SPDX-License-Identifier: Apache-2.0
-- Four workers in step with their parent: join and yield are the beat, values go both ways.
--   ipcrun-lua examples/parallel/new_interface.lua [ROUNDS]
require "parallel"
require "torch"

local rounds <const> = tonumber(arg and arg[1]) or 1000

-- A worker is a process of its own: it begins with nothing but what it requires.
local function worker()
  require "torch"
  while true do
    -- Waits for the parent, and hears what it has to say.
    local order = parallel.yield()
    if order == "break" then break end
    local task = parallel.parent:receive()
    parallel.parent:send { name = task.name, norm = task.data:norm(), by = parallel.id }
  end
end

local function parent()
  local children = parallel.nfork(4)
  parallel.print(("there are %d children"):format(parallel.nchildren))
  children:exec(worker)
  local sums = { 0, 0, 0, 0 }
  for round = 1, rounds do
    children:join()
    -- One description for all; every worker gets a tensor of its own.
    children:send { name = "round " .. round, data = torch.ones(100, 100) }
    local replies = children:receive()
    for i, reply in ipairs(replies) do
      assert(reply.name == "round " .. round and reply.by == children[i].id)
      sums[i] = sums[i] + reply.norm
    end
  end
  children:join("break")
  parallel.print(("each worker summed %g, %g, %g, %g"):format(table.unpack(sums)))
end

-- Whatever happened, nobody is left.
local good, message = xpcall(parent, debug.traceback)
parallel.close()
if not good then error(message, 0) end
