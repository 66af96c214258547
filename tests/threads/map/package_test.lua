-- SPDX-License-Identifier: Apache-2.0
-- ipc.map: what `require` finds in threads.
local t = require 'tap'
local ipc = require 'ipc'

t.test('map: package.path and package.cpath are those of the parent', function()
  local path, cpath = package.path, package.cpath
  package.path, package.cpath = '/nowhere/?.lua;' .. path, '/nowhere/?.so;' .. cpath
  local a, b = ipc.map(1, function() return package.path, package.cpath end):join()
  t.equal(a, package.path) t.equal(b, package.cpath)
  package.path, package.cpath = path, cpath
end)

t.test('map: a preloaded function of Lua is required in threads, with its upvalues', function()
  local secret = 17
  package.preload.with_secret = function(name) return { name = name, secret = secret } end
  local name, number = ipc.map(1, function()
    local module = require 'with_secret'
    return module.name, module.secret
  end):join()
  package.preload.with_secret = nil
  t.equal(name, 'with_secret') t.equal(number, 17)
end)

t.test('map: preloads go on to threads of threads', function()
  local secret = 18
  package.preload.with_secret = function() return secret end
  package.preload.bad = function() return io.stdout, secret end
  package.preload.worse = coroutine.wrap(print)
  local number, good, message = ipc.map(1, function()
    return require 'ipc'.map(1, function()
      return require 'with_secret', pcall(require, 'worse')
    end):join()
  end):join()
  package.preload.with_secret, package.preload.bad, package.preload.worse = nil, nil, nil
  t.equal(number, 18) t.equal(good, false)
  assert(message:find('C function with upvalues', 1, true), message)
end)

t.test('map: a preloaded function of C is the same one in threads', function()
  package.preload.of_c = math.abs
  local found = ipc.map(1, function() return package.preload.of_c == math.abs end):join()
  package.preload.of_c = nil
  t.equal(found, true)
end)

t.test('map: a preload that cannot travel says so when a thread requires it', function()
  local file = io.stdout
  package.preload.with_file = function() return file end
  package.preload.no_function = 5
  local map = ipc.map(1, function(name) return select(2, pcall(require, name)) end, 'with_file')
  local other = ipc.map(1, function(name) return select(2, pcall(require, name)) end, 'no_function')
  package.preload.with_file, package.preload.no_function = nil, nil
  local message = map:join()
  assert(message:find("require 'with_file' in a thread of ipc.map", 1, true), message)
  assert(message:find("upvalue 'file'", 1, true), message)
  assert(other:join():find('it is no function', 1, true))
end)

t.test('map: a preload that is not required costs nothing when it cannot travel', function()
  package.preload.worse = coroutine.wrap(print)
  t.equal(ipc.map(1, function() return 1 end):join(), 1)
  package.preload.worse = nil
end)

t.test('map: the modules of ipc are found in threads', function()
  ipc.map(1, function()
    for _, name in ipairs { 'ipc', 'libipc', 'torch', 'sys', 'lab', 'ipc.BackgroundTask' } do
      require(name)
    end
    assert(require 'libipc' == require 'ipc')
  end):join()
end)

t.test('map: parallel has no parent in a thread, and may have children', function()
  local id, count, sum = ipc.map(1, function()
    local parallel = require 'parallel'
    local children = parallel.nfork(2)
    children:exec(function() parallel.parent:send(parallel.parent:receive() + parallel.id) end)
    children:send(10)
    local sum = 0
    for _ = 1, 2 do sum = sum + (children:receiveAny()) end
    local id, count = parallel.parent.id, parallel.nchildren
    parallel.close()
    return id, count, sum
  end):join()
  t.equal(id, -1) t.equal(count, 2) t.equal(sum, 23)
end)

t.test('map: where an upvalue is a module, the error says to require it in the function', function()
  local torch = require 'torch'
  t.raises("2 upvalues, 'torch' among them, which do not go along here: require 'torch' within",
    ipc.map, 1, function() return torch.randn(math.abs(2)) end)
end)

t.test('map: the error about a wrong number of threads is one line', function()
  local message = select(2, pcall(ipc.map, require 'torch'.zeros(3), print))
  assert(message:find('^map arg #1 expected a number of threads, [^\n]*got userdata$'), message)
end)

t.done()
