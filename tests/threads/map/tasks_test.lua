-- SPDX-License-Identifier: Apache-2.0
-- BackgroundTask and BackgroundTaskPool.
local t = require 'tap'
local ipc = require 'ipc'
local new_task = require 'ipc.BackgroundTask'
local new_pool = require 'ipc.BackgroundTaskPool'
local interpreter = require 'interpreter'
local own_process = require 'own_process'
local threads = own_process.threads

t.test('task: gives all results, with their nils', function()
  local got = table.pack(new_task(function(...) return ... end, 1, nil, 'x', nil).getResult())
  t.equal(got.n, 4)
  t.equal(got[1], 1) t.equal(got[2], nil) t.equal(got[3], 'x') t.equal(got[4], nil)
end)

t.test('task: is done once its function has returned, and true says so', function()
  local channel = ipc.channel()
  local task = new_task(function(c) return select(2, c:read()) end, channel)
  assert(not task.isDone())
  channel:write(7)
  t.equal(task.getResult(), 7)
  t.equal(task.isDone(), true)
end)

t.test('task: a result is given once', function()
  local task = new_task(function() return 1 end)
  t.equal(task.getResult(), 1)
  t.equal(select('#', task.getResult()), 0)
end)

t.test('task: its error comes from getResult', function()
  t.raises('broken task', function() new_task(function() error 'broken task' end).getResult() end)
  local good, failure = pcall(new_task(function() error { code = 5 } end).getResult)
  t.equal(good, false) t.equal(failure.code, 5)
  t.raises('ipc.world: a thread of ipc.map',
    new_task(function() require 'ipc'.world() end).getResult)
end)

t.test('task: its thread ends with the result', function()
  own_process.await_threads(1)
  new_task(function() end).getResult()
  own_process.await_threads(1)
end)

t.test('task: a dropped one leaves no thread', function()
  for _ = 1, 100 do new_task(function() return 1 end) end
  collectgarbage() collectgarbage()
  own_process.await_threads(1)
end)

t.test('pool: tasks are numbered from 1, and have their results by these numbers', function()
  local pool <close> = new_pool(3)
  for i = 1, 10 do t.equal(pool.addTask(function(n) return n * n end, i), i) end
  for i = 10, 1, -1 do t.equal(pool.getResult(i), i * i) end
end)

t.test('pool: a thousand tasks do not hang', function()
  local pool <close> = new_pool(4)
  local text = ('x'):rep(1000)
  for i = 1, 1000 do pool.addTask(function(n, word) return n, word end, i, text) end
  for i = 1, 1000 do
    local n, word = pool.getResult(i)
    t.equal(n, i) t.equal(word, text)
  end
end)

t.test('pool: a result is consumed', function()
  local pool <close> = new_pool(1)
  local id = pool.addTask(function() return 1 end)
  t.equal(pool.getResult(id), 1)
  t.equal(select('#', pool.getResult(id)), 0)
  t.equal(select('#', pool.getResult(99)), 0)
end)

t.test('pool: without a number the result is that of the task done last', function()
  local pool <close> = new_pool(1)
  for i = 1, 3 do pool.addTask(function(n) return n end, i) end
  pool.isDone(3, true)
  t.equal(pool.getResult(), 3)
  t.equal(pool.getResult(1), 1)
end)

t.test('pool: isDone tells of all tasks, and of one', function()
  local pool <close> = new_pool(2)
  local channel = ipc.channel()
  t.equal(pool.isDone(), true)
  local quick = pool.addTask(function() end)
  local slow = pool.addTask(function(c) c:read() end, channel)
  assert(pool.isDone(quick, true))
  assert(not pool.isDone(slow) and not pool.isDone())
  channel:write(1)
  assert(pool.isDone(slow, true))
  t.equal(pool.isDone(), true)
  assert(not pool.isDone(5, true), 'a task that was never added')
end)

t.test('pool: hasTask as long as a result was not taken', function()
  local pool <close> = new_pool(1)
  t.equal(pool.hasTask(), false)
  local id = pool.addTask(function() end)
  t.equal(pool.hasTask(), true)
  pool.getResult(id)
  t.equal(pool.hasTask(), false)
end)

t.test('pool: an error of a task leaves the others as they are', function()
  local pool <close> = new_pool(1)
  local bad = pool.addTask(function() error 'one of them' end)
  local good = pool.addTask(function() return 'fine' end)
  t.raises('one of them', pool.getResult, bad)
  t.equal(pool.getResult(good), 'fine')
end)

t.test('pool: results that cannot be sent are an error of their task', function()
  local pool <close> = new_pool(1)
  local id = pool.addTask(function() return coroutine.create(print) end)
  t.raises('the results of task 1', pool.getResult, id)
end)

t.test('pool: a task whose module a thread does not find is an error, and no hang', function()
  package.loaded.only_here = { f = math.abs }
  local pool <close> = new_pool(1)
  pool.addTask(function(m) return m.f end, package.loaded.only_here)
  local good, message = pcall(pool.getResult, 1)
  package.loaded.only_here = nil
  assert(good or message:find('only_here', 1, true), message)
end)

t.test('pool: results that cannot be read here are an error, and no hang', function()
  local pool <close> = new_pool(1)
  local bad = pool.addTask(function()
    package.loaded.only_there = { f = print }
    return package.loaded.only_there, print
  end)
  local good = pool.addTask(function() return 'fine' end)
  t.raises('only_there', pool.getResult, bad)
  t.equal(pool.getResult(good), 'fine')
  t.equal(pool.isDone(), true)
end)

t.test('pool: functions with upvalues are refused, and take no number', function()
  local pool <close> = new_pool(1)
  local n = 1
  t.raises('closure', pool.addTask, function() return n end)
  t.raises('addTask: a function was expected', pool.addTask, 5)
  t.equal(pool.addTask(function() end), 1)
end)

t.test('pool: with closeOnLastTask the threads end with the last result that is taken', function()
  own_process.await_threads(1)
  local pool = new_pool(2, { closeOnLastTask = true })
  local a, b = pool.addTask(function() return 1 end), pool.addTask(function() return 2 end)
  pool.getResult(a)
  t.equal(threads(), 3)
  t.equal(pool.getResult(b), 2)
  own_process.await_threads(1)
  t.raises('the pool is closed', pool.addTask, print)
end)

t.test('pool: a dropped one ends its threads, whatever they still had to do', function()
  own_process.await_threads(1)
  local pool = new_pool(2)
  for _ = 1, 100 do pool.addTask(function() return ('x'):rep(100) end) end
  pool = nil
  collectgarbage() collectgarbage()
  own_process.await_threads(1)
end)

t.test('pool: close waits for what runs, and drops what has not begun', function()
  local started, go, count = ipc.channel(), ipc.channel(), ipc.channel()
  local function task(s, g, c) s:write(1) g:read() c:write(1) end
  local pool = new_pool(1)
  pool.addTask(task, started, go, count)
  pool.addTask(task, started, go, count)
  started:read()
  go:write(1, 1)
  pool.close()
  assert(count:num_items() <= 2 and count:num_items() >= 1)
  own_process.await_threads(1)
  pool.close()
  t.raises('the pool is closed', pool.addTask, print)
end)

t.test('pool: wrong arguments are refused', function()
  t.raises('a number of threads was expected', new_pool, 0)
  t.raises('a number of threads was expected', new_pool, 'two')
  t.raises("unknown option 'close'", new_pool, 1, { close = true })
end)

t.test('pool: a program may end with tasks under way', function()
  local text, _, how, status = interpreter.run [[
    local pool = require 'ipc.BackgroundTaskPool'(2)
    for _ = 1, 10 do pool.addTask(function() return 1 end) end
    os.exit(3, true)
  ]]
  t.equal(text, '') t.equal(how, 'exit') t.equal(status, 3)
end)

t.test('BackgroundTaskPool: wrong arguments are errors of the calling line', function()
  local pool = require 'ipc.BackgroundTaskPool'
  local function raised(f) return select(2, pcall(f)) end
  local message = raised(function() local _ = pool(1, 'closeOnLastTask') end)
  assert(message:find('_test.lua:%d+: BackgroundTaskPool: a table of options'), message)
  message = raised(function() local _ = pool(1, { closeOnLast = true }) end)
  assert(message:find("_test.lua:%d+: BackgroundTaskPool: unknown option 'closeOnLast'"), message)
  message = raised(function() local _ = new_task(5) end)
  assert(message:find('_test.lua:%d+: BackgroundTask: a function was expected'), message)
  local one <close> = pool(1)
  local held = 1
  message = raised(function() local _ = one.addTask(5) end)
  assert(message:find('_test.lua:%d+: addTask: a function was expected'), message)
  message = raised(function() local _ = one.addTask(function() return held end) end)
  assert(message:find('_test.lua:%d+: addTask: write: the function at'), message)
end)

t.done()
