-- SPDX-License-Identifier: Apache-2.0
-- Numbers that a type cannot hold, filled tensors in given results, t:new, and map.
local torch = require 'torch'
local t = require 'tap'
local reference = require 'reference'

local ranges = {
  Byte = {0, 255}, Char = {-128, 127}, Short = {-32768, 32767}, Int = {-2147483648, 2147483647},
  Long = {math.mininteger, math.maxinteger},
}

t.test('integer types: hold their ends, and refuse what lies beyond', function()
  for type, range in pairs(ranges) do
    local new = torch[type .. 'Tensor']
    t.equal(new {range[1]}[1], range[1])
    t.equal(new {range[2]}[1], range[2])
    local beyond = {1e20, -1e20, 0 / 0, 1 / 0, -1 / 0, 2.0 ^ 63}
    if type ~= 'Long' then
      table.insert(beyond, range[1] - 1)
      table.insert(beyond, range[2] + 1)
      table.insert(beyond, range[2] + 1.5)
      table.insert(beyond, range[1] - 1.5)
    end
    for _, number in ipairs(beyond) do
      local message = 'does not fit into a torch.' .. type .. 'Tensor'
      t.raises(message, new, {number})
      t.raises(message, new, {{1}, {number}})
      local a = new(2)
      t.raises(message, a.fill, a, number)
      t.raises(message, function() a[1] = number end)
      t.raises(message, function() a[{{1, 2}}] = number end)
      t.raises(message, a.maskedFill, a, torch.ByteTensor {1, 0}, number)
      t.raises(message, a.indexFill, a, 1, torch.LongTensor {1}, number)
      t.raises(message, a.scatter, a, 1, torch.LongTensor {1}, number)
      t.raises('cannot hold', a.apply, a, function() return number end)
      t.raises(message, torch[type .. 'Storage'], {number})
      local storage = torch[type .. 'Storage'](1)
      t.raises(message, storage.fill, storage, number)
      t.raises(message, function() storage[1] = number end)
    end
    t.equal(new {-0.5, 1.9}[1], 0)  -- truncated, as ever
  end
  t.raises("bad argument #1 to 'fill' (1e+20 does not fit into a torch.IntTensor, which holds " ..
             '-2147483648 to 2147483647)', function() torch.IntTensor(1):fill(1e20) end)
end)

t.test('floating types: take every number', function()
  for _, type in ipairs(reference.floating) do
    local a = torch[type .. 'Tensor'] {1e300, 0 / 0, -1 / 0, math.maxinteger}
    t.equal(a[1], type == 'Double' and 1e300 or math.huge)
    assert(a[2] ~= a[2])
    t.equal(a[3], -math.huge)
  end
end)

t.test('filled tensors: in a given result, whose type they have', function()
  local a = torch.FloatTensor()
  t.equal(torch.zeros(a, 2, 2), a)
  t.equal(a:sum(), 0.0)
  t.equal(a:ones(3), a)
  assert(a:equal(torch.FloatTensor {1, 1, 1}))
  assert(torch.eye(torch.LongTensor(), 2):equal(torch.LongTensor {{1, 0}, {0, 1}}))
  local wide = torch.ones(2, 3):t()
  torch.eye(wide, 3, 2)
  assert(wide:equal(torch.Tensor {{1, 0}, {0, 1}, {0, 0}}))
  assert(torch.range(torch.IntTensor(), 3, 1, -1):equal(torch.IntTensor {3, 2, 1}))
  t.raises('zeros: expected ([result,] sizes)', torch.zeros, a)
  assert(torch.zerosLike(a):equal(torch.FloatTensor {0, 0, 0}))
  assert(torch.onesLike(torch.ByteTensor {5}):equal(torch.ByteTensor {1}))
end)

t.test('logspace: powers of ten', function()
  assert(torch.logspace(0, 3, 4):equal(torch.Tensor {1, 10, 100, 1000}))
  local a = torch.logspace(-1, 1)
  t.equal(a:size(1), 100)
  t.near(a[1], 0.1, 1e-15)
  t.equal(a[100], 10.0)
  t.equal(torch.linspace(0, 0.1 * 3, 7)[7], 0.1 * 3)
  t.raises('does not fit into a torch.ByteTensor', torch.logspace, torch.ByteTensor(), 0, 3, 4)
  t.raises('range: 256 does not fit', torch.range, torch.ByteTensor(), 250, 260)
end)

t.test('new: the type of the tensor, the arguments of its constructor', function()
  for _, type in ipairs(reference.types) do
    local a = torch[type .. 'Tensor'](1)
    t.equal(a.new():type(), a:type())
    t.equal(a.new(2, 3):size(2), 3)
    assert(a.new {1, 2}:equal(torch[type .. 'Tensor'] {1, 2}))
    assert(a:new(a):isSetTo(a))
  end
end)

t.test('map and map2: a function of the elements at one place', function()
  local a, b = torch.range(1, 4):resize(2, 2), torch.IntTensor {{1, 2}, {3, 4}}:t()
  t.equal(a:map(b, function(x, y) return x * y end), a)
  assert(a:equal(torch.Tensor {{1, 6}, {6, 16}}))
  a:map2(b, torch.ones(2, 2), function(x, y, z)
    if x == 6 then return nil end
    return x + y + z
  end)
  assert(a:equal(torch.Tensor {{3, 6}, {6, 21}}))
  t.raises('map: sizes 2x2 and 4 differ', a.map, a, torch.ones(4), print)
  t.raises('not a number or nil', a.map, a, b, function() return 'x' end)
  t.raises('function expected', a.map2, a, b, b)
  local empty = torch.Tensor()
  t.equal(empty:map(empty, error), empty)
end)

t.done()
