-- SPDX-License-Identifier: Apache-2.0
-- Constructors, views, indexing, copies and conversions.
local torch = require 'torch'
local t = require 'tap'
local reference = require 'reference'

math.randomseed(13)

local function size_of(tensor) return table.concat(tensor:size():totable(), 'x') end
--- A matrix whose element [i][j] is 10 i + j.
local function numbered(rows, columns)
  local tensor = torch.Tensor(rows, columns)
  for i = 1, rows do
    for j = 1, columns do tensor[i][j] = 10 * i + j end
  end
  return tensor
end

t.test('constructors: sizes, as numbers, floats, LongStorage or tensor sizes', function()
  for _, type in ipairs(reference.types) do
    local new = torch[type .. 'Tensor']
    t.equal(size_of(new(2, 3)), '2x3')
    t.equal(size_of(new(2.0, 3.0)), '2x3')
    t.equal(new():dim(), 0)
    t.equal(new():nElement(), 0)
    t.equal(new(2, 3):type(), 'torch.' .. type .. 'Tensor')
  end
  t.equal(size_of(torch.Tensor(torch.LongStorage {4, 5})), '4x5')
  t.equal(size_of(torch.zeros(torch.ones(2, 2):size())), '2x2')
  t.raises('is negative', torch.Tensor, -1)
  t.raises('does not fit any memory', torch.Tensor, math.maxinteger, 8)
  t.raises('a size (an integer', torch.Tensor, 2.5)
  t.raises('a size (an integer', torch.Tensor, 'x')
end)

t.test('constructors: nested tables', function()
  local a = torch.LongTensor {{1, 2, 3}, {4, 5, math.maxinteger}}
  t.equal(size_of(a), '2x3')
  t.equal(a[2][3], math.maxinteger)
  t.equal(torch.Tensor({}):dim(), 0)
  t.raises('must all have 2 elements', torch.Tensor, {{1, 2}, {3}})
  t.raises('expected a number in the table, got string', torch.Tensor, {1, 'x'})
  t.raises('must all have 1 elements', torch.Tensor, {{1}, 2})
  local deep = 1
  for _ = 1, 17 do deep = {deep} end
  t.raises('nested deeper than 16', torch.Tensor, deep)
end)

t.test('constructors: another tensor, or a storage, is shared', function()
  local a = torch.zeros(2, 2)
  local b = torch.Tensor(a)
  b[1][2] = 5
  t.equal(a[1][2], 5.0)
  local storage = torch.DoubleStorage {1, 2, 3, 4, 5, 6}
  local c = torch.DoubleTensor(storage, 2, torch.LongStorage {2, 2}, torch.LongStorage {2, 1})
  t.equal(c[2][2], 5.0)
  t.equal(torch.DoubleTensor(storage, 3, 2, 3)[2], 6.0)
  t.equal(torch.LongTensor(torch.LongStorage {7, 8})[2], 8)
  t.raises('reaches outside a storage of size 6', torch.DoubleTensor, storage, 6, 2, 1)
  t.raises('the offset is below 1', torch.DoubleTensor, storage, 0, 2, 1)
  t.raises('reaches outside', torch.DoubleTensor, storage, 1, 2, math.maxinteger)
  t.raises('cannot be seen as', torch.FloatTensor, storage)
  t.raises("convert it with :type('torch.FloatTensor')", torch.FloatTensor, a)
end)

t.test('setdefaulttensortype: decides what torch.Tensor and torch.zeros make', function()
  t.equal(torch.getdefaulttensortype(), 'torch.DoubleTensor')
  torch.setdefaulttensortype('torch.FloatTensor')
  t.equal(torch.Tensor(1):type(), 'torch.FloatTensor')
  t.equal(torch.zeros(1):type(), 'torch.FloatTensor')
  torch.setdefaulttensortype('torch.DoubleTensor')
  t.raises("a name like 'torch.FloatTensor'", torch.setdefaulttensortype, 'FloatTensor')
end)

t.test('zeros, ones, eye, range, linspace: values', function()
  t.equal(torch.zeros(2, 3):sum(), 0.0)
  t.equal(torch.ones(2, 3):sum(), 6.0)
  assert(torch.eye(2, 3):equal(torch.Tensor {{1, 0, 0}, {0, 1, 0}}))
  assert(torch.range(2, 5):equal(torch.Tensor {2, 3, 4, 5}))
  assert(torch.range(0, 1, 0.25):equal(torch.Tensor {0, 0.25, 0.5, 0.75, 1}))
  assert(torch.range(3, 1, -1):equal(torch.Tensor {3, 2, 1}))
  assert(torch.linspace(0, 1, 5):equal(torch.Tensor {0, 0.25, 0.5, 0.75, 1}))
  local big = torch.range(torch.LongTensor(), math.maxinteger - 2, math.maxinteger)
  t.equal(big:nElement(), 3)
  t.equal(big[2], math.maxinteger - 1)
  t.raises('cannot go from', torch.range, 1, 0)
end)

t.test('indexing: numbers, ranges and everything, to read', function()
  local a = numbered(4, 5)
  t.equal(a[2][3], 23.0)
  t.equal(a[-1][-2], 44.0)
  t.equal(a[{3, 4}], 34.0)
  t.equal(size_of(a[{2, {}}]), '5')
  t.equal(size_of(a[{{2, 3}, {4}}]), '2x1')
  t.equal(a[{{2, 3}, {-2, -1}}][2][1], 34.0)
  t.equal(size_of(a[{{}, 2}]), '4')
  t.equal(a[{{}, 2}][4], 42.0)
  t.equal(a[{}]:nElement(), 20)
  t.raises('index 5 out of range: the size is 4', function() return a[5] end)
  t.raises('index 0 out of range', function() return a[0] end)
  t.raises('3 indices for a tensor with 2 dimensions', function() return a[{1, 1, 1}] end)
  t.raises('ends before it begins', function() return a[{{3, 2}}] end)
  t.raises('the tensor is empty', function() return torch.Tensor()[1] end)
  t.equal(a.no_such_method, nil)
end)

t.test('indexing: sub-tensors are views, and can be written', function()
  local a = numbered(4, 5)
  a[2]:fill(0)
  t.equal(a:select(1, 2):sum(), 0.0)
  a[3] = 7
  t.equal(a[3][5], 7.0)
  a[{{1, 2}, {1, 2}}] = torch.Tensor {{1, 2}, {3, 4}}
  t.equal(a[2][1], 3.0)
  a[{4, 5}] = -1
  t.equal(a[4][5], -1.0)
  a[1] = torch.range(1, 5)
  t.equal(a[1][4], 4.0)
  t.raises('different numbers of elements', function() a[1] = torch.ones(4) end)
  t.raises('expected a number', function() a[1][1] = 'x' end)
end)

t.test('indexing: a mask picks, and can be written through', function()
  local a = numbered(2, 3)
  local mask = a:gt(12)
  assert(a[mask]:equal(torch.Tensor {13, 21, 22, 23}))
  assert(a:t()[mask:t()]:equal(torch.Tensor {21, 22, 13, 23}))
  a[mask] = 0
  t.equal(a:sum(), 23.0)
  a:maskedFill(mask, 1)
  t.equal(a:sum(), 27.0)
  a:maskedCopy(mask, torch.Tensor {1, 2, 3, 4})
  t.equal(a[2][3], 4.0)
  t.raises('a mask is a torch.ByteTensor', a.maskedFill, a, torch.ones(2, 3), 1)
  t.raises('a mask of size 2', a.maskedSelect, a, torch.ByteTensor(2))
  t.raises('picks more than the 1 elements', a.maskedCopy, a, mask, torch.ones(1))
end)

t.test('parts of empty tensors: can be resized', function()
  local a = torch.zeros(4, 0)[3]:resize(3):fill(2)
  t.equal(a:sum(), 6.0)
end)

t.test('select, narrow, sub: views of parts', function()
  local a = numbered(4, 5)
  t.equal(a:select(2, 3)[4], 43.0)
  t.equal(torch.range(1, 3):select(1, 2), 2.0)
  t.equal(size_of(a:narrow(2, 2, 3)), '4x3')
  t.equal(a:narrow(2, 2, 3)[1][1], 12.0)
  t.equal(size_of(a:sub(2, 3, 1, -2)), '2x4')
  t.raises('reach outside dimension 1 of size 4', a.narrow, a, 1, 3, 3)
  t.raises('reach outside', a.narrow, a, 1, 2, math.maxinteger)
  t.raises('reach outside', a.narrow, a, 1, math.maxinteger, 1)
end)

t.test('view and reshape: sizes with one -1', function()
  local a = numbered(2, 6)
  t.equal(size_of(a:view(3, -1)), '3x4')
  a:view(12)[1] = 99
  t.equal(a[1][1], 99.0)
  t.raises('not contiguous', a.view, a:t(), 12)
  assert(a:t():reshape(12)[2] == a[2][1])
  t.raises('cannot be seen as size 5x-1', a.view, a, 5, -1)
  t.raises('only one size can be -1', a.view, a, -1, -1)
  t.equal(size_of(a:viewAs(torch.ones(4, 3))), '4x3')
end)

t.test('transpose, squeeze, unsqueeze, expand: strides only', function()
  local a = numbered(3, 1)
  t.equal(size_of(a:t()), '1x3')
  t.equal(a:t():storage(), a:storage())
  t.equal(size_of(a:squeeze()), '3')
  t.equal(size_of(torch.ones(1, 1):squeeze()), '1')
  t.equal(size_of(torch.ones(2, 1, 3):squeeze(2)), '2x3')
  t.equal(size_of(a:unsqueeze(1)), '1x3x1')
  t.equal(size_of(a:unsqueeze(3)), '3x1x1')
  t.equal(size_of(a:expand(3, 4)), '3x4')
  t.equal(a:expand(3, 4)[2][4], 21.0)
  t.equal(size_of(a:expand(2, -1, 4)), '2x3x4')
  t.equal(size_of(torch.ones(1, 4):expandAs(numbered(3, 4))), '3x4')
  t.raises('cannot be expanded to 4x4', a.expand, a, 4, 4)
  t.raises('a matrix (two dimensions)', a.t, torch.ones(3))
  local b = torch.randn(2, 3, 4)
  t.equal(b:transpose(1, 3)[4][2][1], b[1][2][4])
end)

t.test('size, stride, storageOffset, isContiguous: tell where elements lie', function()
  local a = torch.zeros(4, 5):narrow(2, 2, 3)
  t.equal(a:size(1), 4)
  t.equal(a:size(-1), 3)
  t.equal(a:stride(1), 5)
  t.equal(table.concat(a:stride():totable(), ','), '5,1')
  t.equal(a:storageOffset(), 2)
  t.equal(a:isContiguous(), false)
  t.equal(a:contiguous():isContiguous(), true)
  t.equal(a:dim(), 2)
  t.equal(a:nElement(), 12)
  t.equal(#(#a), 2)
  t.equal(a:isSameSizeAs(torch.ones(4, 3)), true)
  local b = torch.ones(2)
  t.equal(b:contiguous(), b)
end)

t.test('resize: keeps the storage when it suffices, and the elements in front', function()
  local a = torch.range(1, 6)
  local storage = a:storage()
  a:resize(2, 2)
  t.equal(a:storage(), storage)
  t.equal(a[2][2], 4.0)
  a:resize(4, 4)
  t.equal(a[1][4], 4.0)
  t.equal(a:nElement(), 16)
  t.equal(size_of(a:resizeAs(torch.ones(3))), '3')
  local b = torch.Tensor():set(storage, 2, torch.LongStorage {2})
  t.equal(b[1], 2.0)
  t.equal(torch.Tensor():set(b)[2], 3.0)
end)

t.test('copy and conversions: every pair of types and layouts', function()
  for _, from in ipairs(reference.types) do
    for layout, a in pairs(reference.layouts(from, 3, 4)) do
      for _, to in ipairs(reference.types) do
        local copy = torch[to .. 'Tensor'](3, 4):copy(a)
        assert(copy:equal(a:type('torch.' .. to .. 'Tensor')), layout)
        local whole = not reference.tolerance[to]
        local unsigned = to == 'Byte'
        local tolerance = reference.tolerance[to] or 0
        reference.check(copy, math.max(tolerance, 0), from .. ' to ' .. to, function(x)
          if whole then x = (x < 0 and math.ceil(x) or math.floor(x)) // 1 | 0 end
          return unsigned and x & 255 or x
        end, a)
      end
    end
  end
end)

t.test('copy: the same number of elements in another shape, in row-major order', function()
  local a = torch.Tensor(3, 2):t():copy(torch.range(1, 6))
  assert(a:equal(torch.Tensor {{1, 2, 3}, {4, 5, 6}}))
end)

t.test('conversions: out of range saturates to 64 bits, NaN is 0', function()
  local a = torch.Tensor {1e30, -1e30, 0 / 0}
  local b = a:long()
  t.equal(b[1], math.maxinteger)
  t.equal(b[2], math.mininteger)
  t.equal(b[3], 0)
  t.equal(a:double(), a)
  t.equal(torch.ByteTensor {1}:typeAs(a):type(), 'torch.DoubleTensor')
end)

t.test('index: rows and columns by a LongTensor', function()
  local a = numbered(4, 3)
  local rows = torch.LongTensor {3, 1, 3}
  assert(a:index(1, rows):equal(torch.Tensor {{31, 32, 33}, {11, 12, 13}, {31, 32, 33}}))
  assert(a:t():index(2, rows):equal(a:index(1, rows):t():clone()))
  assert(a:index(2, torch.LongTensor {2}):equal(torch.Tensor {{12}, {22}, {32}, {42}}))
  local result = torch.Tensor()
  t.equal(torch.index(result, a, 1, rows), result)
  t.equal(result[2][1], 11.0)
  t.raises('index 5 out of range: dimension 1 has size 4', a.index, a, 1, torch.LongTensor {5})
  t.raises('indices are a torch.LongTensor', a.index, a, 1, torch.ones(1))
end)

t.test('indexCopy and indexFill: write rows', function()
  local a = torch.zeros(3, 2)
  a:indexCopy(1, torch.LongTensor {3, 1}, torch.Tensor {{1, 2}, {3, 4}})
  assert(a:equal(torch.Tensor {{3, 4}, {0, 0}, {1, 2}}))
  a:indexFill(2, torch.LongTensor {2}, 9)
  assert(a:equal(torch.Tensor {{3, 9}, {0, 9}, {1, 9}}))
  t.raises('expected a tensor of size 1x2', a.indexCopy, a, 1, torch.LongTensor {1}, torch.ones(2))
end)

t.test('gather and scatter: one index for every element', function()
  local a = numbered(3, 4)
  local index = torch.LongTensor {{2}, {4}, {1}}
  assert(a:gather(2, index):equal(torch.Tensor {{12}, {24}, {31}}))
  assert(a:t():gather(1, index:t()):equal(torch.Tensor {{12, 24, 31}}))
  local one_hot = torch.zeros(3, 4):scatter(2, index, 1)
  assert(one_hot:equal(torch.Tensor {{0, 1, 0, 0}, {0, 0, 0, 1}, {1, 0, 0, 0}}))
  one_hot:scatter(2, index, torch.Tensor {{5}, {6}, {7}})
  t.equal(one_hot[2][4], 6.0)
  t.raises('index 5 out of range: dimension 1 has size 3', a.gather, a, 1,
           torch.LongTensor {{5, 1, 1, 1}})
  t.raises('do not fit a tensor of size 3x4', a.gather, a, 2, torch.LongTensor {1})
end)

t.test('cat: along any dimension, of a table or of two', function()
  local a, b = numbered(2, 3), torch.ones(2, 3)
  t.equal(size_of(torch.cat(a, b)), '2x6')
  t.equal(size_of(torch.cat(a, b, 1)), '4x3')
  t.equal(size_of(torch.cat({a, b, a}, 2)), '2x9')
  t.equal(torch.cat({a, b, a}, 2)[2][9], 23.0)
  t.equal(size_of(torch.cat({torch.ones(2), torch.ones(3)})), '5')
  t.equal(size_of(torch.cat({torch.Tensor(), torch.ones(3)}, 1)), '3')
  local result = torch.Tensor()
  t.equal(torch.cat(result, {a, b}, 1), result)
  t.equal(size_of(torch.cat(a, a, b, 1)), '4x3')
  t.raises('cat: sizes 2x2 and 2x3 do not fit along dimension 1', torch.cat, torch.ones(2, 2),
           torch.ones(2, 3), 1)
  t.raises('element 2 of the table is not a tensor', torch.cat, {a, 3})
end)

t.test('apply: calls in row-major order; nil keeps the element', function()
  local a = torch.zeros(3, 2):t()
  local n = 0
  a:apply(function()
    n = n + 1
    if n ~= 2 then return n end
  end)
  assert(a:equal(torch.Tensor {{1, 0, 3}, {4, 5, 6}}))
  t.raises('returned a string', a.apply, a, function() return 'x' end)
  a:apply(function(x)
    a:resize(1000, 1000)
    return x
  end)
end)

t.test('storages: made, filled, copied and read', function()
  local s = torch.FloatStorage {1, 2, 3}
  t.equal(#s, 3)
  t.equal(s:size(), 3)
  t.equal(s[2], 2.0)
  s[2] = 5
  t.equal(s[-2], 5.0)
  t.equal(torch.IntStorage(4):fill(7)[4], 7)
  t.equal(torch.DoubleStorage(3):copy(s)[2], 5.0)
  t.equal(torch.ByteStorage():string('ping'):string(), 'ping')
  t.equal(#torch.ByteStorage():string('ping'), 4)
  t.equal(torch.typename(s), 'torch.FloatStorage')
  t.equal(torch.isStorage(s), true)
  t.equal(torch.isTensor(s), false)
  t.equal(#s:resize(5), 5)
  t.equal(torch.zeros(3):storage() == torch.zeros(3):storage(), false)
end)

t.test('type, typename, isTensor: names', function()
  t.equal(torch.type(torch.FloatTensor(1)), 'torch.FloatTensor')
  t.equal(torch.typename(3), nil)
  t.equal(torch.typename(nil), nil)
  t.equal(torch.type('x'), 'string')
  t.equal(torch.isTensor(torch.ones(1)), true)
  t.equal(torch.isTensor({}), false)
end)

t.test('getmetatable: the methods, which scripts may add to', function()
  local methods = torch.getmetatable('torch.FloatTensor')
  function methods:twice() return self * 2 end
  t.equal(torch.ones(3):twice():sum(), 6.0)
  methods.twice = nil
  t.equal(torch.getmetatable('torch.NoTensor'), nil)
end)

t.test('totable: nested like the dimensions', function()
  local list = numbered(2, 2):t():totable()
  t.equal(list[1][2], 21.0)
  t.equal(#torch.Tensor():totable(), 0)
  t.equal(torch.LongTensor({5}):totable()[1], 5)
end)

t.done()
