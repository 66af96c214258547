-- SPDX-License-Identifier: Apache-2.0
-- What ipc.mutex does in one thread; tests/threads/small/threads_test.cpp has those of several.
local ipc = require 'ipc'
local torch = require 'torch'
local t = require 'tap'

t.test('mutex: it is locked again and again by its thread, and unlocked as often', function()
  local mutex = ipc.mutex()
  mutex:lock()
  mutex:lock()
  mutex:unlock()
  mutex:unlock()
  t.raises('operation not permitted', mutex.unlock, mutex)
end)

t.test('mutex: coroutines of one thread hold it together', function()
  local mutex = ipc.mutex()
  mutex:lock()
  coroutine.wrap(function() mutex:lock() mutex:unlock() end)()
  mutex:unlock()
end)

t.test('mutex: an unlock that is not permitted raises a string', function()
  local mutex = ipc.mutex()
  local ok, message = pcall(mutex.unlock, mutex)
  t.equal(ok, false)
  t.equal(type(message), 'string')
end)

t.test('mutex: torch sees a userdata of no class', function()
  t.equal(torch.type(ipc.mutex()), 'userdata')
  t.equal(torch.typename(ipc.mutex()), nil)
end)

t.test('mutex: a guard holds it to the end of its scope, after an error too', function()
  local mutex = ipc.mutex()
  local ok, message = pcall(function()
    local guard <close> = mutex:guard()
    t.equal(guard, mutex)
    error('inside', 0)
  end)
  t.equal(ok, false)
  t.equal(message, 'inside')
  t.raises('operation not permitted', mutex.unlock, mutex)
end)

t.test('mutex: a guard is quiet where its scope has unlocked it', function()
  local mutex = ipc.mutex()
  do
    local guard <close> = mutex:guard()
    guard:unlock()
  end
  mutex:lock()
  mutex:unlock()
end)

t.test('mutex: one that is locked stays so when nothing refers to it', function()
  local shared = ipc.sharedtable { mutex = ipc.mutex() }
  shared.mutex:lock()
  collectgarbage()
  collectgarbage()
  shared.mutex:unlock()
  t.raises('operation not permitted', function() shared.mutex:unlock() end)
end)

t.test('mutex: a barrier of one thread is met at once, any number of times', function()
  local mutex = ipc.mutex()
  for _ = 1, 3 do mutex:barrier(1) end
  mutex:barrier(1.0)
end)

t.test('mutex: a barrier that nobody else can come to is an error', function()
  local mutex = ipc.mutex()
  local ok, failure = pcall(mutex.barrier, mutex, 2)
  t.equal(ok, false)
  t.equal(failure.code, 'peer_lost')
  t.raises('none but this one has the mutex', mutex.barrier, mutex, 3)
  mutex:barrier(1)
end)

t.test('mutex: who waited for a barrier in vain is not counted any more', function()
  local mutex = ipc.mutex()
  local held = ipc.marshal(mutex)
  local ok, failure = pcall(mutex.barrier, mutex, 2, 0.01)
  t.equal(ok, false)
  t.equal(failure.code, 'timeout')
  ok, failure = pcall(mutex.barrier, mutex, 3, 0.01)
  t.equal(ok, false)
  t.equal(failure.code, 'timeout')
  held:close()
end)

t.test('mutex: numbers of threads and seconds that make no sense are errors', function()
  local mutex = ipc.mutex()
  t.raises('a number of threads, 1 or more', mutex.barrier, mutex, 0)
  t.raises('number expected', mutex.barrier, mutex)
  t.raises('0 or more', mutex.barrier, mutex, 1, -1)
  t.raises('0 or more', mutex.lock, mutex, -1)
  t.raises('0 or more', mutex.lock, mutex, 0 / 0)
  t.raises('number expected', mutex.lock, mutex, 'soon')
  t.raises('operation not permitted', mutex.unlock, mutex)
end)

t.test('mutex: in a table it goes by reference', function()
  local mutex = ipc.mutex()
  local copy = ipc.marshal { mutex, { inner = mutex } }:read()
  t.equal(copy[1], mutex)
  t.equal(copy[2].inner, mutex)
end)

t.done()
