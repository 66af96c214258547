-- SPDX-License-Identifier: Apache-2.0
local ipc = require 'ipc'
local torch = require 'torch'
local t = require 'tap'

local function new_path()
  local path = os.tmpname()
  os.remove(path)
  return path
end

t.test('flock: a file is made for its owner alone, and locked', function()
  local path = new_path()
  local lock = ipc.flock(path)
  local p = ipc.spawn { file = 'stat', args = { '-c', '%a', path } }
  t.equal(p:stdout(), '600')
  p:wait()
  t.equal(ipc.flock(path, true), nil)
  t.equal(select('#', ipc.flock(path, true)), 0)
  lock:close()
  local again = ipc.flock(path, true)
  again:close()
  os.remove(path)
end)

t.test('flock: without blocking a file is not made', function()
  local path = new_path()
  t.equal(select('#', ipc.flock(path, true)), 0)
  t.equal(io.open(path), nil)
end)

t.test('flock: a folder that is not there is an error', function()
  t.raises('ipc.flock: open /no/such/folder/file: No such file', ipc.flock, '/no/such/folder/file')
  t.raises('string expected', ipc.flock)
end)

t.test('flock: what is written can be read, from the place in the file', function()
  local path = new_path()
  local lock = ipc.flock(path)
  t.equal(lock:write('one\n', 2, '\nthree\n'), lock)
  t.equal(lock:read(), '')
  t.equal(lock:seek('set'), 0)
  t.equal(lock:read('*l'), 'one')
  t.equal(lock:read('*n'), 2)
  t.equal(lock:read(1), '\n')
  local a, b = lock:read('l', 'l')
  t.equal(a, 'three')
  t.equal(b, nil)
  lock:write('four')
  lock:close()
  local file <close> = assert(io.open(path))
  t.equal(file:read('a'), 'one\n2\nthree\nfour')
  os.remove(path)
end)

t.test('flock: it is opened at the start, with what was there', function()
  local path = new_path()
  do
    local lock <close> = ipc.flock(path)
    lock:write('old text')
  end
  local lock <close> = ipc.flock(path, true)
  t.equal(lock:read('*a'), 'old text')
  lock:seek('set', 0)
  lock:write('new')
  lock:seek('set', 0)
  t.equal(lock:read('*a'), 'new text')
  os.remove(path)
end)

t.test('flock: truncate cuts the file, or makes it empty', function()
  local path = new_path()
  local lock <close> = ipc.flock(path)
  lock:write('0123456789')
  lock:truncate(4)
  lock:seek('set')
  t.equal(lock:read(), '0123')
  lock:truncate()
  lock:seek('set')
  t.equal(lock:read(), '')
  t.raises('0 or more', lock.truncate, lock, -1)
  os.remove(path)
end)

t.test('flock: a second close does nothing, other calls are errors', function()
  local path = new_path()
  local lock = ipc.flock(path)
  lock:close()
  lock:close()
  for _, call in ipairs { 'read', 'write', 'seek', 'truncate' } do
    t.raises('flock was already closed', lock[call], lock)
  end
  os.remove(path)
end)

t.test('flock: what nothing refers to is unlocked, and written out', function()
  local path = new_path()
  ipc.flock(path):write('text')
  collectgarbage()
  collectgarbage()
  local lock <close> = ipc.flock(path, true)
  t.equal(lock:read(), 'text')
  os.remove(path)
end)

t.test('flock: another process waits for it', function()
  local path = new_path()
  local lock = ipc.flock(path)
  local p = ipc.spawn { file = arg[-1], args = { '-e', ([[
    local ipc = require 'ipc'
    assert(ipc.flock(%q, true) == nil)
    print 'busy'
    io.stdout:flush()
    local lock = ipc.flock(%q)
    print(lock:read())
  ]]):format(path, path) } }
  t.equal(p:stdout(), 'busy')
  lock:write('from the first')
  lock:close()
  t.equal(p:stdout(), 'from the first')
  t.equal(p:wait(), 0)
  os.remove(path)
end)

t.test('flock: a program that is started does not hold the lock', function()
  local path = new_path()
  local lock = ipc.flock(path)
  local p <close> = ipc.spawn { file = 'sleep', args = { 100 } }
  lock:close()
  local again <close> = ipc.flock(path, true)
  assert(again)
  os.remove(path)
end)

-- Root may read everything.
local who <close> = ipc.spawn { file = 'id', args = { '-u' } }
if who:stdout() ~= '0' then
  t.test('flock: a file that may not be read is nothing without blocking', function()
    local path = new_path()
    ipc.flock(path):close()
    ipc.spawn({ file = 'chmod', args = { '0', path } }):wait()
    t.equal(ipc.flock(path, true), nil)
    t.raises('Permission denied', ipc.flock, path)
    os.remove(path)
  end)
end

t.test('flock: torch sees a userdata of no class', function()
  local path = new_path()
  local lock <close> = ipc.flock(path)
  t.equal(torch.type(lock), 'userdata')
  os.remove(path)
end)

t.test('flock: one whose file Lua has finalised already is closed', function()
  local path = new_path()
  local lock = ipc.flock(path)
  debug.getuservalue(lock, 1):close()
  t.raises('flock was already closed', lock.write, lock, 'x')
  t.raises('flock was already closed', lock.truncate, lock)
  lock:close()
  os.remove(path)
end)

t.done()
