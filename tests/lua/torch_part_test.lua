-- SPDX-License-Identifier: Apache-2.0
-- Views in another order, parts, repetitions, triangles and diagonals; rows and elements by index.
local torch = require 'torch'
local t = require 'tap'
local reference = require 'reference'

math.randomseed(41)

local function size_of(tensor) return table.concat(tensor:size():totable(), 'x') end

t.test('permute: dimensions in any order, without a copy', function()
  local a = torch.range(1, 24):resize(2, 3, 4)
  local b = a:permute(3, 1, 2)
  t.equal(size_of(b), '4x2x3')
  for i = 1, 2 do
    for j = 1, 3 do
      for k = 1, 4 do t.equal(b[k][i][j], a[i][j][k]) end
    end
  end
  b[1][1][1] = 77
  t.equal(a[1][1][1], 77.0)
  t.equal(size_of(torch.permute(a:permute(2, 3, 1), -1, 1, 2)), '2x3x4')
  t.raises('permute: 2 dimensions given for a tensor with 3', a.permute, a, 1, 2)
  t.raises('given twice', a.permute, a, 1, 1, 2)
  t.raises('dimension 4 out of range', a.permute, a, 1, 2, 4)
end)

t.test('unfold: windows along a dimension', function()
  local a = torch.range(1, 7)
  local b = a:unfold(1, 3, 2)
  assert(b:equal(torch.Tensor {{1, 2, 3}, {3, 4, 5}, {5, 6, 7}}))
  b[1][3] = 0
  t.equal(a[3], 0.0)
  t.equal(size_of(torch.ones(4, 6):t():unfold(1, 6, 10)), '1x4x6')
  t.equal(size_of(torch.ones(4, 6):unfold(2, 2, 1)), '4x5x2')
  t.raises('unfold: windows of 8 elements do not fit dimension 1 of size 7', a.unfold, a, 1, 8, 1)
  t.raises('the step is below 1', a.unfold, a, 1, 2, 0)
end)

t.test('split and chunk: views that make up the tensor', function()
  local a = torch.range(1, 21):resize(3, 7)
  local parts = a:split(3, 2)
  t.equal(#parts, 3)
  t.equal(size_of(parts[3]), '3x1')
  assert(torch.cat(parts, 2):equal(a))
  parts[1]:fill(0)
  t.equal(a[3][3], 0.0)
  for count = 1, 9 do
    local chunks = torch.chunk(a, count, 2)
    assert(#chunks <= count and torch.cat(chunks, 2):equal(a))
  end
  t.equal(#a:split(2), 2)
  t.equal(#a:split(math.maxinteger), 1)
  local given = {1, 2, 3, 4}
  t.equal(torch.split(given, a, 2, 1), given)
  t.equal(#given, 2)
  t.equal(#torch.zeros(0, 2):split(2), 0)
  t.raises('must be at least 1', a.split, a, 0)
  t.raises('expected ([table,] tensor, how many [, dimension])', torch.chunk, a)
end)

t.test('repeatTensor: copies side by side, in every layout', function()
  for _, type in ipairs {'Byte', 'Double', 'Half'} do
    for layout, a in pairs(reference.layouts(type, 2, 3)) do
      local b = a:repeatTensor(2, 3, 2)
      t.equal(size_of(b), '2x6x6')
      for i = 1, 2 do
        for j = 1, 6 do
          for k = 1, 6 do t.equal(b[i][j][k], a[(j - 1) % 2 + 1][(k - 1) % 3 + 1], layout) end
        end
      end
    end
  end
  local result = torch.Tensor()
  t.equal(torch.repeatTensor(result, torch.Tensor {1, 2}, 2, 2), result)
  assert(result:equal(torch.Tensor {{1, 2, 1, 2}, {1, 2, 1, 2}}))
  assert(torch.repeatTensor(torch.ones(2), torch.LongStorage {3}):equal(torch.ones(6)))
  t.equal(size_of(torch.ones(2):repeatTensor(0)), '0')
  torch.repeatTensor(result, result, 1, 2)
  t.equal(size_of(result), '2x8')
  t.raises('1 repetitions given for a tensor with 2', result.repeatTensor, result, 2)
  t.raises('does not fit any memory', result.repeatTensor, result, math.maxinteger, 2)
  t.raises('is negative', result.repeatTensor, result, -1, 2)
end)

t.test('reshape: into a given result', function()
  local a, result = torch.range(1, 6):resize(2, 3):t(), torch.Tensor()
  t.equal(torch.reshape(result, a, 2, 3), result)
  assert(result:equal(torch.Tensor {{1, 4, 2}, {5, 3, 6}}))
  torch.reshape(a, a, 6)
  assert(a:equal(torch.Tensor {1, 4, 2, 5, 3, 6}))
  t.raises('reshape: 6 elements cannot be seen as size 4', torch.reshape, a, 4)
end)

t.test('isSize and isSetTo: what a tensor is', function()
  local a = torch.ones(2, 3)
  t.equal(a:isSize(torch.LongStorage {2, 3}), true)
  t.equal(a:isSize(3, 2), false)
  t.equal(a:isSetTo(torch.Tensor(a)), true)
  t.equal(a:isSetTo(a:clone()), false)
  t.equal(a:isSetTo(a[{{}, 1}]), false)
  t.equal(torch.ByteTensor():elementSize(), 1)
  t.equal(a:elementSize(), 8)
end)

t.test('tril and triu: every diagonal, type and layout', function()
  for _, type in ipairs(reference.types) do
    for layout, a in pairs(reference.layouts(type, 4, 5)) do
      for k = -5, 6 do
        local lower, upper = torch.tril(a, k), a:triu(k)
        for i = 1, 4 do
          for j = 1, 5 do
            t.equal(lower[i][j], j - i <= k and a[i][j] or 0 * a[i][j], layout)
            t.equal(upper[i][j], j - i >= k and a[i][j] or 0 * a[i][j], layout)
          end
        end
      end
    end
  end
  local a = torch.ones(2, 2)
  torch.tril(a, a)
  assert(a:equal(torch.Tensor {{1, 0}, {1, 1}}))
  assert(torch.triu(torch.ones(2, 2), math.maxinteger):equal(torch.zeros(2, 2)))
  t.equal(torch.tril(torch.zeros(0, 2)):nElement(), 0)
  t.raises('expected a matrix', torch.tril, torch.ones(3))
end)

t.test('diag: of matrices, and matrices of vectors', function()
  local a = torch.range(1, 12):resize(3, 4)
  assert(torch.diag(a):equal(torch.Tensor {1, 6, 11}))
  assert(a:t():diag(-1):equal(torch.Tensor {2, 7, 12}))
  assert(torch.diag(a, 3):equal(torch.Tensor {4}))
  assert(torch.diag(torch.Tensor {1, 2}):equal(torch.Tensor {{1, 0}, {0, 2}}))
  assert(torch.diag(torch.Tensor {1, 2}, -1):equal(
    torch.Tensor {{0, 0, 0}, {1, 0, 0}, {0, 2, 0}}))
  local result = torch.Tensor()
  torch.diag(result, torch.Tensor {5}, 1)
  assert(result:equal(torch.Tensor {{0, 5}, {0, 0}}))
  t.raises('a matrix of size 3x4 has no diagonal 4', torch.diag, a, 4)
  t.raises('too far out', torch.diag, torch.ones(2), math.mininteger)
  t.raises('expected a vector or a matrix', torch.diag, torch.ones(1, 1, 1))
end)

t.test('trace: the sum of the diagonal', function()
  t.equal(torch.trace(torch.range(1, 12):resize(3, 4)), 18.0)
  t.equal(torch.IntTensor {{1, 2}, {3, 4}}:t():trace(), 5)
  t.equal(torch.zeros(0, 3):trace(), 0.0)
  t.raises('expected a matrix', torch.trace, torch.ones(2))
end)

t.test('nonzero: the indices of every element that is not 0', function()
  local a = torch.Tensor {{0, 1}, {2, 0}, {0 / 0, 0}}
  assert(torch.nonzero(a):equal(torch.LongTensor {{1, 2}, {2, 1}, {3, 1}}))
  assert(a:t():nonzero():equal(torch.LongTensor {{1, 2}, {1, 3}, {2, 1}}))
  assert(torch.ByteTensor {0, 0, 7}:nonzero():equal(torch.LongTensor {{3}}))
  t.equal(torch.zeros(3):nonzero():dim(), 0)
  t.equal(torch.Tensor():nonzero():dim(), 0)
  local result = torch.LongTensor()
  t.equal(torch.nonzero(result, a), result)
  t.equal(size_of(result), '3x2')
  for _, type in ipairs(reference.types) do
    t.equal(torch[type .. 'Tensor'](2, 2):fill(1):nonzero():size(1), 4)
  end
end)

t.test('indexAdd: rows may come twice', function()
  for _, type in ipairs(reference.types) do
    local a = torch[type .. 'Tensor'](3, 2):fill(1)
    local rows = torch[type .. 'Tensor'] {{1, 2}, {3, 4}, {5, 6}}
    t.equal(a:indexAdd(1, torch.LongTensor {3, 1, 3}, rows), a)
    assert(a:equal(torch[type .. 'Tensor'] {{4, 5}, {1, 1}, {7, 9}}))
    a:indexAdd(2, torch.LongTensor {2}, a:narrow(2, 1, 1):clone())
    assert(a:equal(torch[type .. 'Tensor'] {{4, 9}, {1, 2}, {7, 16}}))
  end
  local a = torch.range(1, 3)
  a:indexAdd(1, torch.LongTensor {2, 3}, a:narrow(1, 1, 2))
  assert(a:equal(torch.Tensor {1, 3, 5}))
  t.raises('indexAdd: expected a tensor of size 2, got 3', a.indexAdd, a, 1,
           torch.LongTensor {1, 2}, torch.ones(3))
  t.raises('do not mix', a.indexAdd, a, 1, torch.LongTensor {1}, torch.IntTensor {1})
end)

t.test('gather and scatterAdd: undo each other, results are given or new', function()
  local a = torch.range(1, 6):resize(2, 3)
  local index = torch.LongTensor {{1, 2, 1}, {2, 2, 1}}
  local result = torch.Tensor()
  t.equal(torch.gather(result, a, 1, index), result)
  assert(result:equal(torch.Tensor {{1, 5, 3}, {4, 5, 3}}))
  local sums = torch.zeros(2, 3)
  t.equal(sums:scatterAdd(1, index, torch.ones(2, 3)), sums)
  assert(sums:equal(torch.Tensor {{1, 0, 2}, {1, 2, 0}}))
  local bytes = torch.ByteTensor {250}
  bytes:scatterAdd(1, torch.LongTensor {1}, torch.ByteTensor {10})
  t.equal(bytes[1], 4)
  t.raises('expected (tensor, dimension, LongTensor, tensor)', sums.scatterAdd, sums, 1, index, 5)
  t.raises('scatter: values of size 1x3 for indices of size 2x3', sums.scatter, sums, 1, index,
           torch.ones(1, 3))
end)

t.test('maskedSelect: into a given result', function()
  local a, result = torch.Tensor {1, 2, 3}, torch.Tensor()
  t.equal(torch.maskedSelect(result, a, a:gt(1)), result)
  assert(result:equal(torch.Tensor {2, 3}))
  torch.maskedSelect(a, a, a:lt(3))
  assert(a:equal(torch.Tensor {1, 2}))
end)

t.done()
