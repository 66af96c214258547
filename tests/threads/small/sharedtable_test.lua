-- SPDX-License-Identifier: Apache-2.0
local ipc = require 'ipc'
local torch = require 'torch'
local t = require 'tap'

local function collect(table)
  local found, count = {}, 0
  for key, value in pairs(table) do
    found[key] = value
    count = count + 1
  end
  return found, count
end

t.test('sharedtable: it has what it was made of, and what was put', function()
  local source = { 1, 'two', x = { y = 3 }, [2.5] = false, [true] = 'yes' }
  local shared = ipc.sharedtable(source)
  t.equal(#shared, 5)
  t.equal(shared[1], 1)
  t.equal(shared[2], 'two')
  t.equal(shared.x.y, 3)
  t.equal(shared[2.5], false)
  t.equal(shared[true], 'yes')
  t.equal(shared.absent, nil)
  shared.z = 'new'
  shared[1] = nil
  t.equal(shared.z, 'new')
  t.equal(shared[1], nil)
  t.equal(#shared, 5)
  t.equal(source[1], 1)
end)

t.test('sharedtable: an empty one can be made', function()
  t.equal(#ipc.sharedtable(), 0)
  t.equal(#ipc.sharedtable(nil), 0)
  t.equal(#ipc.sharedtable {}, 0)
end)

t.test('sharedtable: the length counts all pairs', function()
  local shared = ipc.sharedtable { a = 1, b = 2 }
  shared[100] = 3
  t.equal(#shared, 3)
  shared.a = nil
  shared.a = nil
  t.equal(#shared, 2)
end)

t.test('sharedtable: pairs walks all keys there were, with what they have then', function()
  local shared = ipc.sharedtable { 'a', 'b', 'c', x = { 1 } }
  local found, count = collect(shared)
  t.equal(count, 4)
  t.equal(found[2], 'b')
  t.equal(found.x[1], 1)
  local seen = 0
  for key in pairs(shared) do
    seen = seen + 1
    for other in pairs(shared) do
      if other ~= key then shared[other] = nil end
    end
    shared[key .. ' again'] = true
  end
  t.equal(seen, 1)
  t.equal(#shared, 2)
  t.equal(select(2, collect(ipc.sharedtable())), 0)
end)

t.test('sharedtable: pairs gives integers first, in order', function()
  local shared, order = ipc.sharedtable { x = 'x', [7] = 7 }, {}
  for i = 5, 1, -1 do shared[i] = i end
  for _, value in pairs(shared) do order[#order + 1] = value end
  t.equal(table.concat(order, ' '), '1 2 3 4 5 7 x')
end)

t.test('sharedtable: a key may be a number in either shape, and keeps being an integer', function()
  local shared = ipc.sharedtable()
  shared[2.0] = 'two'
  shared[-0.0] = 'zero'
  t.equal(shared[2], 'two')
  t.equal(shared[0], 'zero')
  t.equal(#shared, 2)
  for key in pairs(shared) do t.equal(math.type(key), 'integer') end
  shared[1] = 'number'
  shared['1'] = 'text'
  shared[true] = 'boolean'
  t.equal(shared[1], 'number')
  t.equal(shared['1'], 'text')
  shared['a\0b'] = 1
  t.equal(shared['a\0c'], nil)
  t.equal(shared['a\0b'], 1)
end)

t.test('sharedtable: objects of ipc are keys by identity', function()
  local mutex, shared = ipc.mutex(), ipc.sharedtable()
  shared[mutex] = 'held'
  t.equal(shared[mutex], 'held')
  t.equal(shared[ipc.mutex()], nil)
  t.equal((collect(shared))[mutex], 'held')
end)

t.test('sharedtable: wrong keys are errors to put, and nothing to find', function()
  local shared = ipc.sharedtable()
  t.raises('the index is nil', function() shared[nil] = 1 end)
  t.raises('the index is NaN', function() shared[0 / 0] = 1 end)
  t.raises('and no table', function() shared[{}] = 1 end)
  t.raises('and no function', ipc.sharedtable, { [print] = 1 })
  t.equal(shared[nil], nil)
  t.equal(shared[0 / 0], nil)
  t.equal(shared[{}], nil)
  t.equal(#shared, 0)
end)

t.test('sharedtable: a value that cannot go leaves what was there', function()
  local shared = ipc.sharedtable { x = 1 }
  t.raises('cannot be sent', function() shared.x = { coroutine.create(print) } end)
  local n = 1
  t.raises('is a closure', function() shared.x = function() return n end end)
  t.equal(shared.x, 1)
end)

t.test('sharedtable: what is read is a copy', function()
  local shared = ipc.sharedtable { key = { sub = 1 } }
  shared.key.sub = 2
  t.equal(shared.key.sub, 1)
end)

t.test('sharedtable: one in another is there by reference', function()
  local shared = ipc.sharedtable { key = ipc.sharedtable { sub = 1 } }
  shared.key.sub = 2
  t.equal(shared.key.sub, 2)
  t.equal(shared.key, shared.key)
  shared.me = shared
  t.equal(shared.me.me, shared)
  shared.me = nil
end)

t.test('sharedtable: tensors and mutexes are there by reference', function()
  local tensor, mutex = torch.zeros(2), ipc.mutex()
  local shared = ipc.sharedtable { tensor = tensor, mutex = mutex }
  shared.tensor[1] = 5
  t.equal(tensor[1], 5.0)
  t.equal(shared.mutex, mutex)
end)

t.test('sharedtable: move empties the table that it was made of', function()
  local source = { 1, 2, x = { 3 } }
  local shared = ipc.sharedtable(source, true)
  t.equal(next(source), nil)
  t.equal(#shared, 3)
  source = { 1, x = coroutine.create(print) }
  t.raises('cannot be sent', ipc.sharedtable, source, { move = true })
  t.equal(source[1], 1)
  t.equal(#ipc.sharedtable({ 1 }, { move = false, requires = {} }, nil), 1)
end)

t.test("sharedtable: torch-ipc's other arguments are taken, and checked", function()
  t.equal(#ipc.sharedtable({ 1 }, false, { 'torch', 'sys' }, 100, 100), 1)
  t.equal(#ipc.sharedtable({ 1 }, false, 'torch'), 1)
  t.raises('requires[2]', ipc.sharedtable, {}, false, { 'torch', {} })
  t.raises('requires: expected', ipc.sharedtable, {}, false, 5)
  t.raises('number expected', ipc.sharedtable, {}, false, nil, 'big')
  t.raises('sharedtable arg #1 expected to be a table or nil', ipc.sharedtable, 5)
end)

t.test('sharedtable: options that are unknown or no booleans are errors', function()
  t.raises("unknown option 'moves'", ipc.sharedtable, {}, { moves = true })
  t.raises("unknown option '1'", ipc.sharedtable, {}, { true })
  t.raises('nested must be true or false', ipc.sharedtable, {}, { nested = 1 })
  t.raises('the options come last', ipc.sharedtable, {}, {}, 'torch')
end)

t.test('sharedtable: with nested, tables in it are shared at any depth', function()
  local shared = ipc.sharedtable({ a = { b = { c = 1 } }, n = 1 }, { nested = true })
  shared.a.b.c = 2
  t.equal(shared.a.b.c, 2)
  shared.later = { list = { 1, 2 } }
  shared.later.list[3] = { x = 3 }
  shared.later.list[3].x = 4
  t.equal(shared.later.list[3].x, 4)
  t.equal(#shared.later.list, 3)
  local count = 0
  for i in ipairs(shared.later.list) do count = i end
  t.equal(count, 3)
end)

t.test('sharedtable: nested keeps cycles, and tables that are there twice', function()
  local twice = { 1 }
  local source = { a = twice, b = { twice } }
  source.me = source
  local shared = ipc.sharedtable(source, { nested = true })
  t.equal(shared.me, shared)
  t.equal(shared.a, shared.b[1])
  shared.a[1] = 2
  t.equal(shared.b[1][1], 2)
  shared.me = nil
end)

t.test('sharedtable: nested leaves objects of classes whole', function()
  local Point = torch.class('SharedPoint')
  function Point:__init(x) self.x = x end
  local shared = ipc.sharedtable({ point = Point(3), list = {} }, { nested = true })
  t.equal(type(shared.point), 'table')
  t.equal(shared.point.x, 3)
  t.equal(type(shared.list), 'userdata')
end)

t.test('sharedtable: a table of nested ones that cannot go leaves what was there', function()
  local shared = ipc.sharedtable({ x = 1 }, { nested = true })
  local cycle = { bad = { coroutine.create(print) } }
  cycle.me = cycle
  t.raises('cannot be sent', function() shared.x = cycle end)
  t.raises('and no table', function() shared.x = { [{}] = 1 } end)
  t.equal(shared.x, 1)
end)

t.test('sharedtable: a chain of any length is freed without a stack of its length', function()
  local chain
  for _ = 1, 50000 do
    local link = ipc.sharedtable()
    link.next = chain
    chain = link
  end
  chain = nil
  collectgarbage()
  collectgarbage()
  local source = {}
  for _ = 1, 50000 do source = { source } end
  local shared = ipc.sharedtable(source, { nested = true })
  t.equal(#shared[1][1], 1)
end)

t.test('sharedtable: the size is KiB of what it holds, and shrinks with it', function()
  local shared = ipc.sharedtable()
  local before = ipc.sharedtable_size(shared)
  t.equal(math.type(before), 'float')
  assert(before > 0 and before < 2, before)
  shared.text = ('x'):rep(100 * 1024)
  local full = ipc.sharedtable_size(shared)
  assert(full > before + 100 and full < before + 220, full)
  shared.tensor = torch.zeros(1e6)
  assert(ipc.sharedtable_size(shared) < full + 1)
  shared.tensor, shared.text = nil, 1
  assert(ipc.sharedtable_size(shared) < before + 1)
  t.raises('ipc.sharedtable expected', ipc.sharedtable_size, {})
end)

t.test('sharedtable: swap puts a value only where the expected one is', function()
  local shared, mutex = ipc.sharedtable { n = 1 }, ipc.mutex()
  t.equal(ipc.sharedtable_swap(shared, 'n', 1, 2), true)
  local done, now = ipc.sharedtable_swap(shared, 'n', 1, 3)
  t.equal(done, false)
  t.equal(now, 2)
  t.equal(ipc.sharedtable_swap(shared, 'n', 2.0, 2.5), true)
  t.equal(ipc.sharedtable_swap(shared, 'n', 2.5, { 1 }), true)
  done, now = ipc.sharedtable_swap(shared, 'n', nil, 1)
  t.equal(done, false)
  t.equal(now[1], 1)
  t.equal(ipc.sharedtable_swap(shared, 'new', nil, mutex), true)
  t.equal(ipc.sharedtable_swap(shared, 'new', ipc.mutex(), 1), false)
  t.equal(ipc.sharedtable_swap(shared, 'new', mutex, nil), true)
  t.equal(shared.new, nil)
  t.equal(select('#', ipc.sharedtable_swap(shared, 'new', 'x', 1)), 2)
  t.raises('nil, a boolean, a number, a string or an object of ipc expected',
    ipc.sharedtable_swap, shared, 'n', {}, 1)
  t.raises('the index is nil', ipc.sharedtable_swap, shared, nil, nil, 1)
  t.raises('value expected', ipc.sharedtable_swap, shared, 'n', 1)
end)

t.test('sharedtable: torch sees a userdata of no class', function()
  t.equal(torch.type(ipc.sharedtable()), 'userdata')
end)

t.done()
