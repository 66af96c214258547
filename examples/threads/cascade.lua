-- SPDX-License-Identifier: Apache-2.0
-- A graph of threads that shuts itself down: each stage ends when what it reads is drained, and
-- the last thread of it closes what the stage writes.
--
--   numbers --> 2 x square --> squares --+
--           \                            +--> 1 x merge --> results
--            -> 2 x cube ----> cubes ----+
--
--   ipcrun-lua examples/threads/cascade.lua
local ipc = require "ipc"

local numbers = { ipc.channel(), ipc.channel() } -- a copy for each of the two kinds of stages
local squares, cubes, results = ipc.channel(), ipc.channel(), ipc.channel()

-- `left` counts the threads of a stage that still run: the last one closes the stage's output.
local function stage(input, output, left, exponent)
  for number in input:items() do
    output:write(math.tointeger(number ^ exponent))
  end
  local status, count = left:read()
  assert(status == require "ipc".channel.OPEN)
  if count == 1 then output:close() else left:write(count - 1) end
end

local function start_stage(threads, input, output, exponent)
  local left = ipc.channel()
  left:write(threads)
  return ipc.map(threads, stage, input, output, left, exponent)
end

local stages = {
  start_stage(2, numbers[1], squares, 2),
  start_stage(2, numbers[2], cubes, 3),
  ipc.map(1, function(squares, cubes, results)
    local ipc = require "ipc"
    while true do
      -- One that is drained is passed over; both are: nothing is there to wait for.
      local index, status, item = ipc.select { squares, cubes }
      if index == nil and status == ipc.channel.DRAINED then break end
      results:write { kind = index == 1 and "square" or "cube", value = item }
    end
    results:close()
  end, squares, cubes, results),
}

for number = 1, 100 do
  numbers[1]:write(number)
  numbers[2]:write(number)
end
-- All that anybody has to do for the whole graph to end:
numbers[1]:close()
numbers[2]:close()

local sums = { square = 0, cube = 0 }
for result in results:items() do
  sums[result.kind] = sums[result.kind] + result.value
end
for _, threads in ipairs(stages) do threads:join() end
print(("sum of squares %d, sum of cubes %d"):format(sums.square, sums.cube))
