-- SPDX-License-Identifier: Apache-2.0
-- A list of work for three children, and one of what they found: whoever is free takes the next
-- task. What has been written to a channel stays when its writer ends, in whatever way.
local ipc = require 'ipc'
local parallel = require 'parallel'
local torch = require 'torch'

local tasks = ipc.channel { shared = true, capacity = 8 }
local results = ipc.channel { shared = true }

local children = parallel.nfork(3)
children:exec(function()
  local got = parallel.parent:receive()
  for task in got.tasks:items() do
    got.results:write { number = task.number, sum = task.data:sum() }
  end
end)
children:send { tasks = tasks, results = results }

for number = 1, 20 do
  tasks:write { number = number, data = torch.ones(1000):mul(number) }
end
tasks:close()
children:sync()
results:close()

local count, sum = 0, 0
for result in results:items() do
  count = count + 1
  sum = sum + result.sum
end
print(('%d results, together %d'):format(count, sum))
