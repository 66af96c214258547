-- SPDX-License-Identifier: Apache-2.0
-- In-place allreduce of f32, sum, from Lua; the counterpart of collectives.cpp:
--   ipcrun -n RANKS bench/collectives.lua allreduce BYTES...
-- One JSON line a size from rank 0; measured as bench/measure.h does.
local ipc = require "ipc"
local torch = require "torch"
local world = ipc.world()

local function median_and_p99(samples)
  table.sort(samples)
  return samples[#samples // 2 + 1], samples[#samples * 99 // 100 + 1]
end

local function microseconds(operations, t)
  local start = ipc.clock()
  for _ = 1, operations do world:allreduce(t) end
  return (ipc.clock() - start) * 1e6
end

if table.remove(arg, 1) ~= "allreduce" or #arg == 0 then
  io.stderr:write("usage: ipcrun -n RANKS bench/collectives.lua allreduce BYTES...\n")
  os.exit(2)
end
for _, bytes in ipairs(arg) do
  local t = torch.FloatTensor(tonumber(bytes) // 4):zero()
  -- Long enough to be timed, and seven operations that nobody counts, or 0.4 s.
  local operations, turns, total, one = 1, 0, 0
  repeat
    local elapsed = world:broadcast(microseconds(operations, t), 0)
    turns, total, one = turns + operations, total + elapsed, elapsed / operations
    operations = operations * 2
  until elapsed >= 2000 and (turns >= 7 or total >= 400000)
  local batch = math.max(1, math.min(100, 5 // one + 1))
  local count = math.max(5, math.min(1000, 100000 // (one * batch)))
  local samples = {}
  for i = 1, math.tointeger(count) do samples[i] = microseconds(batch, t) / batch end
  if world.rank == 0 then
    print(('{"bench":"allreduce","ranks":%d,"bytes":%d,'
      .. '"p50_us":%.4g,"p99_us":%.4g}')
      :format(world.size, bytes, median_and_p99(samples)))
  end
end
