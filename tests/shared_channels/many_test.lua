-- SPDX-License-Identifier: Apache-2.0
-- Many processes and threads at one channel: every item comes once, and in the order of its writer.
local ipc = require 'ipc'
local parallel = require 'parallel'
local t = require 'tap'

-- Writers write { writer, number }, and readers send what they have got, in that order.
local function run(writers, readers, count, capacity, payload_bytes)
  local c = ipc.channel { shared = true, capacity = capacity }
  local reading = parallel.nfork(readers)
  reading:exec(function()
    local got = {}
    for item in parallel.parent:receive():items() do
      got[#got + 1] = { item[1], item[2], #item[3] }
    end
    parallel.parent:send(got)
  end)
  reading:send(c)
  local writing = parallel.nfork(writers)
  writing:exec(function()
    local task = parallel.parent:receive()
    local payload = ('x'):rep(task.bytes)
    for i = 1, task.count do task.channel:write { parallel.id, i, payload } end
  end)
  writing:send { channel = c, count = count, bytes = payload_bytes }
  writing:sync()
  c:close()
  local seen, total = {}, 0
  for _, got in ipairs(reading:receive()) do
    local last = {}
    for _, item in ipairs(got) do
      local writer, number, bytes = table.unpack(item)
      assert(number > (last[writer] or 0), 'an item overtook another of its writer')
      last[writer] = number
      local key = writer * (count + 1) + number
      assert(not seen[key], 'an item came twice')
      seen[key] = true
      total = total + 1
      t.equal(bytes, payload_bytes)
    end
  end
  reading:sync()
  t.equal(total, writers * count)
  t.equal(c:drained(), true)
end

t.test('shared channel: four writers and four readers, each item once', function()
  run(4, 4, 3000, nil, 10)
end)

t.test('shared channel: one writer and six readers', function() run(1, 6, 5000, nil, 10) end)
t.test('shared channel: six writers and one reader', function() run(6, 1, 2000, nil, 10) end)

t.test('shared channel: with a capacity of one', function() run(3, 3, 500, 1, 10) end)

t.test('shared channel: with items that do not lie in their slots', function()
  run(3, 3, 500, 8, 20000)
end)

t.test('shared channel: threads and processes together', function()
  local c, back = ipc.channel { shared = true, capacity = 16 }, ipc.channel { shared = true }
  local children = parallel.nfork(2)
  children:exec(function()
    local ipc = require 'ipc'
    local got = parallel.parent:receive()
    ipc.map(2, function(jobs, sums)
      local sum = 0
      for item in jobs:items() do sum = sum + item end
      sums:write(sum)
    end, got[1], got[2]):join()
  end)
  children:send { c, back }
  ipc.map(3, function(jobs)
    for i = 1, 2000 do jobs:write(i) end
  end, c):join()
  c:close()
  local sum = 0
  for _ = 1, 4 do sum = sum + select(2, back:read()) end
  t.equal(sum, 3 * 2000 * 2001 // 2)
  children:sync()
end)

t.done()
