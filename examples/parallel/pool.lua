-- SPDX-License-Identifier: Apache-2.0
-- Work for as many processes as there are: a loop in parts, and a pool of workers.
--   ipcrun-lua examples/parallel/pool.lua
local parallel = require "parallel"

-- The results in the order of the list.
local squares = parallel.map(3, { 1, 2, 3, 4, 5, 6 }, function(number) return number * number end)
print(table.concat(squares, " "))

-- An error of a task is raised where its result is asked for, with the traceback of the worker.
local good, message = pcall(parallel.map, 2, { 1, 0 }, function(number)
  return 1 // number
end)
assert(not good)
print("the second task failed: " .. tostring(message):match("attempt to [%a ]+"))

-- Tasks go in as they come, and results come out as they are done; no more than 8 are under way.
local pool <close> = parallel.pool(3, { limit = 8 })
local sum = 0
local function task(number) return number end
for number = 1, 100 do
  pool:submit(task, number)
end
for _ = 1, 100 do sum = sum + pool:next():result() end
print("sum of 1 to 100: " .. sum)
parallel.close()
