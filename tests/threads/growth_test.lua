-- SPDX-License-Identifier: Apache-2.0
-- Nothing stays of what is dropped: threads, descriptors and memory after ten thousand of each kind
-- are what they were after the first few hundred.
local t = require 'tap'
local ipc = require 'ipc'
local torch = require 'torch'
local own_process = require 'own_process'

---Does `step` often enough for the memory to be warm, then ten thousand times: nothing has grown.
local function check_growth(step)
  for i = 1, 500 do step(i) end
  collectgarbage()
  local threads, descriptors = own_process.threads(), own_process.descriptors()
  local before = own_process.resident_kib()
  for i = 1, 10000 do
    step(i)
    if i % 500 == 0 then collectgarbage() end
  end
  own_process.await_threads(threads)
  t.equal(own_process.descriptors(), descriptors, 'descriptors')
  local grown = own_process.resident_kib() - before
  -- 10,000 times 200 bytes would be 2 MiB already.
  assert(grown < 2048, ('the memory grew by %d KiB'):format(grown))
end

t.test('growth: 10,000 maps that are joined', function()
  check_growth(function(i) assert(ipc.map(1, function(x) return x end, i):join() == i) end)
end)

t.test('growth: 10,000 maps that are dropped', function()
  local done = ipc.channel()
  check_growth(function()
    ipc.map(1, function(done) done:write(1) end, done)
    done:read()
  end)
end)

t.test('growth: 10,000 maps that fail', function()
  check_growth(function()
    local good = pcall(function() ipc.map(1, function() error 'it fails' end):join() end)
    assert(not good)
  end)
end)

t.test('growth: 10,000 channels with items, closed or not', function()
  local tensor = torch.ones(10)
  check_growth(function(i)
    local channel = ipc.channel()
    channel:write(i, { 'a table' }, tensor, channel)
    channel:read()
    if i % 2 == 0 then channel:close() end
    for _ = 1, 3 do channel:read() end -- it would hold itself
  end)
end)

t.test('growth: 10,000 queues, with a name and without', function()
  check_growth(function(i)
    local queue = ipc.workqueue(i % 2 == 0 and 'a name' .. i or nil)
    queue:write(i, { i })
    if i % 3 == 0 then queue:close() end
  end)
end)

t.test('growth: 10,000 mutexes, marshals and shared tables', function()
  check_growth(function(i)
    local mutex = ipc.mutex()
    mutex:lock()
    mutex:unlock()
    ipc.marshal({ i, mutex }):read()
    local table = ipc.sharedtable { i }
    table.key = { mutex }
  end)
end)

t.test('growth: 10,000 tensors through a channel to a thread and back', function()
  local there, back = ipc.channel(), ipc.channel()
  local thread = ipc.map(1, function(there, back)
    local count = 0
    for tensor in there:items() do
      back:write(tensor)
      count = count + 1
      if count % 100 == 0 then collectgarbage() end
    end
  end, there, back)
  check_growth(function(i)
    there:write(torch.FloatTensor(1000):fill(i))
    local _, tensor = back:read()
    assert(tensor[1000] == i)
  end)
  there:close()
  thread:join()
end)

t.done()
