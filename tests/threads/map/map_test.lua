-- SPDX-License-Identifier: Apache-2.0
-- ipc.map: what goes to the threads, what comes back, and what happens when they fail.
local t = require 'tap'
local ipc = require 'ipc'
local own_process = require 'own_process'
local threads = own_process.threads

local function pack_join(map, ...) return table.pack(map:join(...)) end

t.test('map: each thread gets the arguments, and its number last', function()
  local got = pack_join(ipc.map(3, function(a, b, id) return a .. b .. id end, 'x', 'y'))
  t.equal(table.concat(got, ' '), 'xy1 xy2 xy3')
end)

t.test('map: nil arguments keep their places, the last one too', function()
  local function count(...) return select('#', ...), ... end
  local got = pack_join(ipc.map(1, count, nil, 42, nil))
  t.equal(got[1], 4)
  t.equal(got[2], nil) t.equal(got[3], 42) t.equal(got[4], nil) t.equal(got[5], 1)
end)

t.test('map: results come by the numbers of the threads, all of them, and nil is one', function()
  local got = pack_join(ipc.map(3, function(id)
    if id == 1 then return nil, 'a', nil end
    if id == 3 then return 'c' end
  end))
  t.equal(got.n, 4)
  t.equal(got[2], 'a') t.equal(got[3], nil) t.equal(got[4], 'c')
end)

t.test('map: integers stay integers, and floats floats', function()
  local got = pack_join(ipc.map(1, function(i, f) return i, f, i / 1 end, 7, 7.0))
  t.equal(got[1], 7) t.equal(got[2], 7.0) t.equal(got[3], 7.0)
end)

t.test('map: no threads are allowed, and give nothing', function()
  t.equal(pack_join(ipc.map(0, print)).n, 0)
end)

t.test('map: the number of threads may be an integral float', function()
  t.equal(pack_join(ipc.map(2.0, function() return 1 end)).n, 2)
end)

t.test('map: what is no number of threads is refused', function()
  for _, size in ipairs { -1, 1.5, 1 << 40, 'many', {} } do
    t.raises('map arg #1 expected a number of threads, from 0 to 65536, got '
        .. (type(size) == 'table' and 'table' or tostring(size)),
      ipc.map, size, print)
  end
  t.raises('map arg #1 expected a number of threads', ipc.map)
end)

t.test('map: what is no function is refused', function()
  t.raises('map arg #2 expected a function', ipc.map, 1)
  t.raises('map arg #2 expected a function', ipc.map, 1, 'print')
end)

t.test('map: a function with upvalues is refused at once, naming one', function()
  local i, j = 1, 2
  t.raises("map arg #2: the function at", ipc.map, 1, function() return i + j end)
  t.raises("'i' among them", ipc.map, 1, function() return i + j end)
  t.raises('map arg #4', ipc.map, 1, print, 1, function() return i end)
end)

t.test('map: what cannot be sent is refused at once, naming its argument', function()
  t.raises('map arg #3: the value is a thread', ipc.map, 1, print, coroutine.create(print))
  t.raises("map arg #4: field 'x' of the table", ipc.map, 1, print, 1, { x = io.stdout })
end)

t.test('map: a function of C goes by its name', function()
  t.equal(ipc.map(1, math.max, 1, 5):join(), 5)
end)

t.test('map: threads have globals of their own', function()
  rawset(_G, 'a_global', 'here')
  local seen, set = ipc.map(1, function()
    local before = a_global
    a_global = 'there'
    return before, a_global
  end):join()
  t.equal(seen, nil) t.equal(set, 'there')
  t.equal(a_global, 'here')
  rawset(_G, 'a_global', nil)
end)

t.test('map: torch is a global of the threads, and ipc and torch are loaded', function()
  local got = pack_join(ipc.map(1, function()
    return torch.ones(3):sum(), package.loaded.ipc ~= nil, package.loaded.torch ~= nil
  end))
  t.equal(got[1], 3.0) t.equal(got[2], true) t.equal(got[3], true)
end)

t.test('map: tensors go by reference, there and back', function()
  local tensor = require 'torch'.zeros(4)
  local back = pack_join(ipc.map(4, function(shared, id) shared[id] = id return shared end, tensor))
  t.equal(tensor:sum(), 10.0)
  back[1]:fill(1)
  t.equal(tensor:sum(), 4.0)
end)

t.test('map: channels go by reference', function()
  local channel = ipc.channel()
  local map = ipc.map(3, function(c, id) c:write(id) end, channel)
  local sum = 0
  for _ = 1, 3 do sum = sum + select(2, channel:read()) end
  map:join()
  t.equal(sum, 6)
end)

t.test('map: arguments are no longer held for threads once all have read them', function()
  local channel = ipc.channel()
  local map = ipc.map(2, function(c) c:write(1) end, channel)
  channel:read() channel:read()
  t.raises('nobody else has this channel', channel.read, channel)
  map:join()
end)

t.test('join: a second one returns nothing', function()
  local map = ipc.map(2, function() return 1 end)
  t.equal(pack_join(map).n, 2)
  t.equal(pack_join(map).n, 0)
end)

t.test('join: the results of a thousand threads come flattened', function()
  local map = ipc.map(1000, function(id) return id end)
  local got = { map:join() }
  t.equal(#got, 1000)
  for i = 1, 1000 do t.equal(got[i], i) end
end)

t.test('join: more results than the stack takes are an error that can be read', function()
  local map = ipc.map(4, function()
    return table.unpack({}, 1, 300000)
  end)
  t.raises("Lua's stack cannot take 1200000 results", map.join, map)
end)

t.test('join: raises the error of the last thread that failed, with its traceback', function()
  local map = ipc.map(5, function(id)
    if id % 2 == 0 then error('thread fails ' .. id) end
    return id
  end)
  local good, message = pcall(map.join, map)
  t.equal(good, false) t.equal(type(message), 'string')
  assert(message:find('^thread 4 of ipc.map: .*map_test.lua:%d+: thread fails 4\nstack traceback:'),
    message)
end)

t.test('join: after an error the results are gone, and a second one returns nothing', function()
  local map = ipc.map(2, function(id) if id == 1 then error 'once' end return id end)
  t.raises('once', map.join, map)
  t.equal(pack_join(map).n, 0)
end)

t.test('join: waits for the other threads before it raises', function()
  local channel, done = ipc.channel(), ipc.channel()
  local map = ipc.map(2, function(c, d, id)
    if id == 1 then error 'early' end
    c:read()
    d:write 'late'
  end, channel, done)
  t.raises('still run', map.join, map, 0.05)
  channel:write(1)
  t.raises('early', map.join, map)
  t.equal(select(2, done:read(true)), 'late')
end)

t.test('join: errors that are no strings come as what they print', function()
  for expected, raise in pairs {
    ['thread 1 of ipc.map: 42'] = function() error(42) end,
    ['thread 1 of ipc.map: (the error is a nil value)'] = function() error(nil) end,
    ['thread 1 of ipc.map: (the error is a table value)'] = function() error {} end,
    ['thread 1 of ipc.map: spoken'] = function()
      error(setmetatable({}, { __tostring = function() return 'spoken' end }))
    end,
    ['a thread of ipc.map is no rank'] = function() require 'ipc'.world() end,
  } do
    t.raises(expected, function() ipc.map(1, raise):join() end)
  end
end)

t.test('join: an error whose text cannot be made is one all the same', function()
  t.raises('thread 1 of ipc.map: ', function()
    ipc.map(1, function()
      error(setmetatable({}, { __tostring = function() error 'within' end }))
    end):join()
  end)
end)

t.test('join: results that cannot be sent are an error that names thread and result', function()
  for _, case in ipairs {
    { 'thread 2 of ipc.map: result 2: the function at', function(id)
      local n = id
      if id == 2 then return 1, function() return n end end
    end },
    { 'thread 2 of ipc.map: result 1: the value is a thread',
      function() return coroutine.create(print) end },
    { "thread 2 of ipc.map: result 1: field 'f' of the table",
      function() return { f = io.stdout } end },
    { 'thread 2 of ipc.map: result 1: the value is a C function',
      function() return (string.gmatch('x', 'x')) end },
  } do
    t.raises(case[1], function() ipc.map(2, case[2]):join() end)
  end
end)

t.test('join: a time that passes raises timeout, and nothing is lost', function()
  local channel = ipc.channel()
  local map = ipc.map(2, function(c, id) return select(2, c:read()) + id end, channel)
  local good, failure = pcall(map.join, map, 0.05)
  t.equal(good, false) t.equal(failure.code, 'timeout')
  t.equal(failure.message, 'ipc.map: join: 2 of 2 threads still run after 0.05 s')
  channel:write(10, 10)
  local got = pack_join(map, 20)
  t.equal(got.n, 2) t.equal(got[1] + got[2], 23)
end)

t.test('join: a timeout of 0 only looks', function()
  local channel = ipc.channel()
  local map = ipc.map(1, function(c) c:read() end, channel)
  t.raises('still run', map.join, map, 0)
  channel:close()
  map:join()
end)

t.test('join: what is no time is refused', function()
  local map = ipc.map(0, print)
  t.raises('a timeout is a number of seconds', map.join, map, -1)
  t.raises('a timeout is a number of seconds', map.join, map, 0 / 0)
  t.raises('number expected', map.join, map, {})
end)

-- Calls checkErrors until it raises: the message.
local function first_error(map)
  local never = ipc.channel()
  for _ = 1, 2000 do
    local good, message = pcall(map.checkErrors, map)
    if not good then return message end
    never:read { timeout = 0.01 }
  end
  error 'no thread has failed'
end

t.test('checkErrors: raises once a thread has failed; join returns what the others do', function()
  local channel = ipc.channel()
  local map = ipc.map(2, function(c, id)
    if id == 1 then error 'it is broken' end
    c:read()
    return 42
  end, channel)
  assert(first_error(map):find('^thread 1 of ipc.map: .*it is broken'))
  map:checkErrors()
  channel:close()
  local got = pack_join(map)
  t.equal(got.n, 1) t.equal(got[1], 42)
end)

t.test('checkErrors: is silent where nothing failed, during the run, and after the join', function()
  local channel = ipc.channel()
  local map = ipc.map(1, function(c) c:read() end, channel)
  t.equal(select('#', map:checkErrors()), 0)
  channel:close()
  map:join()
  map:checkErrors()
end)

t.test('checkErrors: tells of one failed thread after the other', function()
  local map = ipc.map(3, function(id) if id > 1 then error('number ' .. id) end return 42 end)
  local a, b = first_error(map), first_error(map)
  assert(a:find 'number 2' and b:find 'number 3' or a:find 'number 3' and b:find 'number 2')
  map:checkErrors()
  local got = pack_join(map)
  t.equal(got.n, 1) t.equal(got[1], 42)
end)

t.test('map_extended: runs a function first, in every thread', function()
  local got = pack_join(ipc.map_extended(2, function() base = 10 end,
    function(add, id) return base + add + id end, 100))
  t.equal(got[1], 111) t.equal(got[2], 112)
end)

t.test('map_extended: runs a text first', function()
  t.equal(ipc.map_extended(1, 'base = 5', function() return base end):join(), 5)
end)

t.test('map_extended: nothing need be run first', function()
  t.equal(ipc.map_extended(1, nil, function(id) return id end):join(), 1)
end)

t.test('map_extended: what fails first is the error of the thread', function()
  t.raises('thread 1 of ipc.map', function()
    ipc.map_extended(1, 'syntax error here', print):join()
  end)
  t.raises('in init', function()
    ipc.map_extended(1, function() error 'in init' end, print):join()
  end)
end)

t.test('map_extended: wrong arguments are refused', function()
  local n = 0
  t.raises('map_extended arg #2 expected a function, string or nil', ipc.map_extended, 1, 5, print)
  t.raises('map_extended arg #3 expected a function', ipc.map_extended, 1, 'x = 1')
  t.raises('map_extended arg #1 expected a number', ipc.map_extended, -1, nil, print)
  t.raises('map_extended arg #2: the function', ipc.map_extended, 1, function() return n end, print)
end)

t.test('map: a map that is closed waits for its threads, and drops what they return', function()
  local done = ipc.channel()
  do
    local map <close> = ipc.map(3, function(d) d:write(1) end, done)
  end
  t.equal(done:num_items(), 3)
end)

t.test('map: leaving its block raises the error of a thread', function()
  t.raises('thread 2 of ipc.map', function()
    local map <close> = ipc.map(2, function(id) if id == 2 then error 'x' end end)
  end)
end)

t.test('map: an error that leaves its block goes before those of threads', function()
  t.raises('the first one', function()
    local map <close> = ipc.map(1, function() error 'of the thread' end)
    error 'the first one'
  end)
end)

t.test('map: after its join no thread is left', function()
  local before = threads()
  ipc.map(50, function() end):join()
  own_process.await_threads(before)
end)

t.test('map: a thread can have threads of its own', function()
  local got = pack_join(ipc.map(3, function(id)
    local sum = 0
    for _, value in ipairs { require 'ipc'.map(3, function(factor, inner)
      return factor * inner
    end, id):join() } do sum = sum + value end
    return sum
  end))
  t.equal(got[1], 6) t.equal(got[2], 12) t.equal(got[3], 18)
end)

t.test('map: the error of a thread of a thread comes through both joins', function()
  t.raises('thread 1 of ipc.map: thread 2 of ipc.map', function()
    ipc.map(1, function()
      require 'ipc'.map(2, function(id) if id == 2 then error 'deep' end end):join()
    end):join()
  end)
end)

t.test('map: threads are no ranks', function()
  for _, call in ipairs {
    function() require 'ipc'.world() end, function() require 'ipc'.tree() end,
  } do
    t.raises(': a thread of ipc.map is no rank', function() ipc.map(1, call):join() end)
  end
end)

t.test('map: finalisers of a thread run before it counts as ended', function()
  local channel = ipc.channel()
  ipc.map(1, function(c)
    kept = setmetatable({}, { __gc = function() c:write 'finalised' end })
  end, channel):join()
  t.equal(select(2, channel:read(true)), 'finalised')
end)

t.test('map: threads have names', function()
  local names = {}
  for _, name in ipairs { ipc.map(2, function()
    local file <close> = assert(io.open '/proc/thread-self/comm')
    return file:read 'l'
  end):join() } do names[#names + 1] = name end
  t.equal(table.concat(names, ', '), 'ipc.map 1, ipc.map 2')
end)

t.test('map: signals are blocked in threads', function()
  local blocked = ipc.map(1, function()
    for line in io.lines '/proc/thread-self/status' do
      local mask = line:match '^SigBlk:%s*(%x+)'
      if mask then return mask end
    end
  end):join()
  t.equal(math.type(tonumber(blocked, 16)), 'integer')
  t.equal(tonumber(blocked, 16) & 0x4003, 0x4003, 'SIGHUP, SIGINT and SIGTERM')
end)

t.test('map: calls may be nested as deep as Lua allows', function()
  local message = ipc.map(1, function()
    local function descend(depth)
      return (string.gsub('x', 'x', function() return descend(depth + 1) end))
    end
    return select(2, pcall(descend, 1))
  end):join()
  assert(message:find 'C stack overflow', message)
end)

t.done()
