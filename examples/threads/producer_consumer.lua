-- SPDX-License-Identifier: Apache-2.0
-- Three producers, two consumers, one channel between them that holds eight items at most: who is
-- too fast waits. The channel is closed when nothing more comes; what is in it is still read.
--   ipcrun-lua examples/threads/producer_consumer.lua
local ipc = require "ipc"

local channel = ipc.channel { capacity = 8 }

local producers = ipc.map(3, function(channel, id)
  for i = 1, 1000 do channel:write { from = id, value = i } end
end, channel)

local consumers = ipc.map(2, function(channel)
  local count, sum = 0, 0
  for item in channel:items() do
    count, sum = count + 1, sum + item.value
  end
  return { count = count, sum = sum }
end, channel)

producers:join()
channel:close()

local count, sum = 0, 0
for _, result in ipairs { consumers:join() } do
  count, sum = count + result.count, sum + result.sum
end
print(("%d items, their sum is %d"):format(count, sum))
