-- SPDX-License-Identifier: Apache-2.0
-- ipc.Parallel and ipc.Parallelizable, after gluonnlp's.
local t = require 'tap'
local ipc = require 'ipc'
local torch = require 'torch'
local own_process = require 'own_process'

local all_in_workers <const> = { serial_init = false }

local function square(x) return x * x end
local function own_thread() return require 'ipc'.gettid() end

-- The results of so many gets.
local function gather(parallel, count)
  local results = {}
  for i = 1, count do results[i] = parallel:get() end
  return results
end

t.test('Parallel: every put has its result', function()
  local parallel <close> = ipc.Parallel(2, square, all_in_workers)
  for i = 1, 100 do parallel:put(i) end
  local sum = 0
  for _, result in ipairs(gather(parallel, 100)) do sum = sum + result end
  t.equal(sum, 338350)
end)

t.test('Parallel: the sum over workers is that of no workers, to the bit', function()
  local function losses(n)
    local parallel <close> = ipc.Parallel(n, function(x, y)
      return (x - y) * (x - y):t()
    end, { ordered = true })
    torch.manualSeed(3)
    local total = 0
    for _ = 1, 4 do
      for _ = 1, 2 do parallel:put(torch.randn(1, 50), torch.randn(1, 50)) end
      for _ = 1, 2 do total = total + parallel:get()[1][1] end
    end
    return total
  end
  t.equal(losses(2), losses(0))
end)

t.test('Parallel: without workers put works in the thread that calls', function()
  local parallel <close> = ipc.Parallel(0, own_thread)
  parallel:put()
  t.equal(parallel:get(), ipc.gettid())
end)

t.test('Parallel: the first inputs, one a worker, run in the thread that calls', function()
  local parallel <close> = ipc.Parallel(2, own_thread, { ordered = true })
  for _ = 1, 4 do parallel:put() end
  local here = ipc.gettid()
  local threads = gather(parallel, 4)
  t.equal(threads[1], here)
  t.equal(threads[2], here)
  assert(threads[3] ~= here and threads[4] ~= here)
end)

t.test('Parallel: serial_init may be given alone, as the original has it', function()
  local parallel <close> = ipc.Parallel(1, own_thread, false)
  parallel:put()
  assert(parallel:get() ~= ipc.gettid())
end)

t.test('Parallel: what serial runs have set up goes along to the workers', function()
  local model = ipc.Parallelizable:new { scale = nil }
  function model:forward_backward(x)
    self.scale = self.scale or x
    return self.scale * x
  end
  local parallel <close> = ipc.Parallel(1, model, { ordered = true })
  for i = 3, 5 do parallel:put(i) end
  t.equal(table.concat(gather(parallel, 3), ' '), '9 12 15')
end)

t.test('Parallel: an error in a worker is raised at its get, with where it was', function()
  local parallel <close> = ipc.Parallel(1, function(x)
    if x == 2 then error 'two is refused' end
    return x
  end, { serial_init = false, ordered = true })
  for i = 1, 3 do parallel:put(i) end
  t.equal(parallel:get(), 1)
  local good, problem = pcall(parallel.get, parallel)
  assert(not good and problem:find 'two is refused' and problem:find 'parallel_test.lua:%d+',
    problem)
  t.equal(parallel:get(), 3)
end)

t.test('Parallel: an error without workers is raised at its get, too', function()
  local parallel <close> = ipc.Parallel(0, function() error 'no' end)
  parallel:put(1)
  t.raises('no', parallel.get, parallel)
end)

t.test('Parallel: an error that is no text is told as one', function()
  local parallel <close> = ipc.Parallel(1, function() error {} end, all_in_workers)
  parallel:put(1)
  t.raises('(the error is a table value)', parallel.get, parallel)
end)

t.test('Parallel: results in order, if asked for', function()
  local gate = ipc.channel()
  local parallel <close> = ipc.Parallel(2, function(x)
    if x == 1 then gate:read() else gate:write(true) end
    return x
  end, { serial_init = false, ordered = true })
  parallel:put(1)
  parallel:put(2)
  t.equal(parallel:get(), 1)
  t.equal(parallel:get(), 2)
end)

t.test('Parallel: results as they are done, otherwise', function()
  local gate = ipc.channel()
  local parallel <close> = ipc.Parallel(2, function(x)
    if x == 1 then gate:read() end
    return x
  end, all_in_workers)
  parallel:put(1)
  parallel:put(2)
  t.equal(parallel:get(), 2)
  gate:write(true)
  t.equal(parallel:get(), 1)
end)

t.test('Parallel: several inputs and results, nils among them', function()
  local parallel <close> = ipc.Parallel(1, function(...) return select('#', ...), ... end,
    all_in_workers)
  parallel:put(nil, 2, nil)
  local results = table.pack(parallel:get())
  t.equal(results.n, 4)
  t.equal(results[1], 3)
  t.equal(results[3], 2)
end)

t.test('Parallel: one get more than puts is an error, no endless wait', function()
  local parallel <close> = ipc.Parallel(1, square)
  t.raises('nothing is left to get', parallel.get, parallel)
  parallel:put(1)
  parallel:get()
  t.raises('nothing is left to get', parallel.get, parallel)
end)

t.test('Parallel: a get that waits too long loses nothing', function()
  local gate = ipc.channel()
  local parallel <close> = ipc.Parallel(1, function() gate:read(); return 'late' end,
    all_in_workers)
  parallel:put()
  local good, problem = pcall(parallel.get, parallel, 0.01)
  assert(not good and problem.code == 'timeout', tostring(problem))
  gate:write(true)
  t.equal(parallel:get(), 'late')
end)

t.test('Parallel: put waits while capacity inputs wait', function()
  local gate, started = ipc.channel(), ipc.channel()
  local parallel <close> = ipc.Parallel(1, function(x) started:write(x); gate:read(); return x end,
    { serial_init = false, capacity = 2 })
  local opener = ipc.map(1, function(gate, started)
    started:read() -- the first input is being worked on; two more wait, and a fourth put
    for _ = 1, 4 do gate:write(true) end
  end, gate, started)
  for i = 1, 4 do parallel:put(i) end
  t.equal(parallel:pending(), 4)
  t.equal(#gather(parallel, 4), 4)
  opener:join()
end)

t.test('Parallel: an input that cannot be sent is an error at put, and was not put', function()
  local parallel <close> = ipc.Parallel(1, square, all_in_workers)
  t.raises('thread', parallel.put, parallel, coroutine.create(print))
  t.equal(parallel:pending(), 0)
  parallel:put(3)
  t.equal(parallel:get(), 9)
end)

t.test('Parallel: a result that cannot be sent is an error at get', function()
  local parallel <close> = ipc.Parallel(1, function() return coroutine.create(print) end,
    all_in_workers)
  parallel:put(1)
  t.raises('the results cannot be sent', parallel.get, parallel)
end)

t.test('Parallel: an input that a worker cannot read is an error at get, in its place', function()
  for _, ordered in ipairs { true, false } do
    local here = { x = 1 }
    package.loaded.only_here = here
    local parallel <close> = ipc.Parallel(2, function(f) return f() end,
      { serial_init = false, ordered = ordered })
    parallel:put(function() return here.x end)
    if not ordered then t.raises('only_here', parallel.get, parallel, 10) end
    parallel:put(function() return 2 end)
    if ordered then t.raises('only_here', parallel.get, parallel, 10) end
    package.loaded.only_here = nil
    t.equal(parallel:get(10), 2)
    t.equal(parallel:pending(), 0)
  end
end)

t.test('Parallel: a result that cannot be read here is an error of that input', function()
  local parallel <close> = ipc.Parallel(1, function(i)
    local there = { x = i }
    package.loaded.only_there = there
    return i == 2 and i or function() return there.x end
  end, all_in_workers)
  parallel:put(1)
  t.raises('only_there', parallel.get, parallel, 10)
  parallel:put(2)
  t.equal(parallel:get(10), 2)
end)

t.test('Parallel: a function that cannot go to workers is an error at put', function()
  local held = coroutine.create(print)
  local parallel = ipc.Parallel(1, function() return held end, all_in_workers)
  t.raises("put: the function cannot go to a worker: field 'f (upvalue held)'", parallel.put,
    parallel, 1)
end)

t.test('Parallel: tensors of the object are shared by all workers', function()
  local gradients = torch.DoubleTensor(4):zero()
  local model = ipc.Parallelizable:new { gradients = gradients }
  function model:forward_backward(i)
    self.gradients[i] = self.gradients[i] + i
  end
  local parallel <close> = ipc.Parallel(2, model, all_in_workers)
  for i = 1, 4 do parallel:put(i) end
  gather(parallel, 4)
  t.equal(gradients:sum(), 10.0)
end)

t.test('Parallelizable: methods of the class and of its parents are there in workers', function()
  local Base = ipc.Parallelizable:extend()
  function Base:double(x) return self.factor * x end
  local Model = Base:extend()
  function Model:forward_backward(x) return self:double(x) end
  local parallel <close> = ipc.Parallel(1, Model:new { factor = 2 }, all_in_workers)
  parallel:put(21)
  t.equal(parallel:get(), 42)
end)

t.test('Parallelizable: a torch class does as well', function()
  local lib = {}
  local Model = torch.class('parallel_test.Model', lib)
  function Model:__init(factor) self.factor = factor end
  function Model:forward_backward(x) return self.factor * x end
  local parallel <close> = ipc.Parallel(1, lib.Model(3), all_in_workers)
  parallel:put(5)
  t.equal(parallel:get(), 15)
end)

t.test('Parallelizable: one that does not define forward_backward says so', function()
  local parallel <close> = ipc.Parallel(0, ipc.Parallelizable:new())
  parallel:put(1)
  t.raises('must define it', parallel.get, parallel)
end)

t.test('Parallel: after close, what was put is still there to get', function()
  local parallel = ipc.Parallel(2, square, { serial_init = false, ordered = true })
  for i = 1, 10 do parallel:put(i) end
  parallel:close()
  parallel:close()
  t.equal(gather(parallel, 10)[10], 100)
  t.raises('the Parallel is closed', parallel.put, parallel, 1)
end)

t.test('Parallel: one that is dropped ends its threads', function()
  local before = own_process.threads()
  local function drop()
    local parallel = ipc.Parallel(3, square, all_in_workers)
    parallel:put(2)
    t.equal(parallel:get(), 4)
  end
  drop()
  own_process.await_threads(before)
end)

t.test('Parallel: a wrong number of workers, object or option is refused', function()
  t.raises('the number of workers', ipc.Parallel, -1, square)
  t.raises('the number of workers', ipc.Parallel, 1.5, square)
  t.raises('a function, or an object with forward_backward', ipc.Parallel, 1, {})
  t.raises('a function, or an object with forward_backward', ipc.Parallel, 1)
  t.raises("unknown option 'orderd'", ipc.Parallel, 1, square, { orderd = true })
  t.raises('ordered must be a boolean', ipc.Parallel, 1, square, { ordered = 1 })
  t.raises('capacity must be a whole number', ipc.Parallel, 1, square, { capacity = 0 })
  t.equal(select(2, pcall(ipc.Parallel, 2.0, square)) ~= nil, true)
end)

t.test('Parallel: an error about an argument is one of the line that called', function()
  local parallel <close> = ipc.Parallel(1, function(x) return x end, { serial_init = false })
  local function raised(f, ...) return select(2, pcall(f, ...)) end
  local message = raised(function() parallel:put(io.stdout) end)
  assert(message:find("_test.lua:%d+: put: writeup: field '%[1%]' of the table is a FILE"), message)
  parallel:put(1)
  message = raised(function() parallel:get('soon') end)
  assert(message:find('_test.lua:%d+: get: the timeout must be a number of seconds'), message)
  t.equal(parallel:get(), 1)
end)

t.done()
