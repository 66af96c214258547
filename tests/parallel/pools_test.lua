-- SPDX-License-Identifier: Apache-2.0
-- Pools of workers, and map.
local parallel = require 'parallel'
local t = require 'tap'
local script = require 'script'

t.test('pools: map gives results in the order of the list', function()
  local list = {}
  for i = 1, 40 do list[i] = i end
  local offset = 5
  local results = parallel.map(3, list, function(x, i) return x * i + offset end)
  for i = 1, 40 do t.equal(results[i], i * i + 5) end
  t.equal(#parallel.map(2, {}, print), 0)
end)

t.test('pools: an error of map names the item', function()
  t.raises('item 3', parallel.map, 2, { 1, 2, 3, 4 }, function(x)
    if x == 3 then error('three') end
    return x
  end)
end)

t.test('pools: results are raised or given, where they are asked for', function()
  local pool <close> = parallel.pool(2)
  local good = pool:submit(function(a, b) return a + b, nil, 'third' end, 1, 2)
  local bad = pool:submit(function() error('oh') end)
  local sum, nothing, third = good:result()
  t.equal(sum, 3)
  t.equal(nothing, nil)
  t.equal(third, 'third')
  local ok, problem = pcall(bad.result, bad)
  t.equal(ok, false)
  t.equal(problem.code, 'task_failed')
  assert(problem.message:find('oh\nstack traceback'), problem.message)
end)

t.test('pools: next gives tasks as they finish', function()
  local pool <close> = parallel.pool(2)
  local fifo = script.fifo()
  local slow = pool:submit(function() io.open(fifo, 'r'):close() return 'slow' end)
  local quick = pool:submit(function() return 'quick' end)
  assert(pool:next() == quick)
  io.open(fifo, 'w'):close()
  assert(pool:next() == slow)
  t.equal(slow:result(), 'slow')
  t.equal(pool:next(), nil)
  os.remove(fifo)
end)

t.test('pools: a worker that dies fails its task, and is replaced', function()
  local pool <close> = parallel.pool(1)
  local dying = pool:submit(function() os.exit(4) end)
  local after = pool:submit(function() return 1 end)
  t.raises('exit status 4', dying.result, dying)
  t.equal(after:result(), 1)
end)

t.test('pools: no more tasks are taken than the limit says', function()
  local pool <close> = parallel.pool(1, { limit = 2 })
  for i = 1, 10 do
    pool:submit(function(x) return x end, i)
    assert(pool.unfinished <= 2)
  end
  pool:wait()
  local sum = 0
  for task in function() return pool:next() end do sum = sum + task:result() end
  t.equal(sum, 55)
end)

t.test('pools: what cannot be sent fails the task alone', function()
  local pool <close> = parallel.pool(1)
  local arguments = pool:submit(print, coroutine.create(print))
  local results = pool:submit(function() return coroutine.create(print) end)
  t.raises('cannot be sent', arguments.result, arguments)
  t.raises('cannot be sent', results.result, results)
  t.equal(pool:submit(function() return 2 end):result(), 2)
end)

t.test('pools: a pool that is closed takes nothing', function()
  local pool = parallel.pool(1)
  pool:close()
  t.raises('closed', pool.submit, pool, print)
  t.equal(parallel.nchildren, 0)
end)

t.test('pools: wrong options start nobody', function()
  t.raises('options are a table', parallel.pool, 1, 5)
  t.raises('the task must be a function', parallel.pool, 1, { task = 'x' })
  t.raises('the limit must be', parallel.pool, 1, { limit = 'x' })
  t.raises('an interpreter is a program', parallel.pool, 1, { lua = 12 })
  t.equal(parallel.map(2 / 2, { 3 }, function(x) return x end)[1], 3)
end)

t.done()
