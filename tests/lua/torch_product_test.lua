-- SPDX-License-Identifier: Apache-2.0
-- Matrix products against a loop: types, transposed and strided operands, aliases, empty sizes.
local torch = require 'torch'
local t = require 'tap'
local reference = require 'reference'

math.randomseed(17)

local function naive(a, b)
  local x, y, result = a:totable(), b:totable(), {}
  for i = 1, a:size(1) do
    result[i] = {}
    for j = 1, b:size(2) do
      local sum = 0
      for k = 1, a:size(2) do sum = sum + x[i][k] * y[k][j] end
      result[i][j] = sum
    end
  end
  return torch.DoubleTensor(result)
end

local function check(got, expected, tolerance, what)
  local distance = (got:double() - expected):abs():max()
  t.near(distance / math.max(1, expected:clone():abs():max()), 0, tolerance, what)
end

t.test('mm: every combination of layouts', function()
  for _, type in ipairs {'Float', 'Double', 'Long', 'Half'} do
    for left, a in pairs(reference.layouts(type, 4, 3)) do
      for right, b in pairs(reference.layouts(type, 3, 5)) do
        for result, c in pairs(reference.layouts(type, 4, 5)) do
          if not result:find('expanded') then
            local what = table.concat({type, left, right, result}, ' ')
            check(c:mm(a, b), naive(a, b), (reference.tolerance[type] or 0) * 4, what)
          end
        end
      end
    end
  end
end)

t.test('mm: every type, and sizes of one', function()
  for _, type in ipairs(reference.types) do
    for _, size in ipairs {{1, 1, 1}, {1, 4, 1}, {3, 1, 2}, {1, 3, 4}, {4, 3, 1}, {2, 2, 2}} do
      local a = reference.sample(type, size[1], size[2])
      local b = reference.sample(type, size[2], size[3])
      local expected = naive(a, b)
      if type == 'Byte' or type == 'Char' then expected = expected:type(a:type()):double() end
      local tolerance = (reference.tolerance[type] or 0) * 4
      check(torch.mm(a, b), expected, tolerance, type)
      check(torch.mm(a:t():clone():t(), b), expected, tolerance, type)
      check(torch.mm(a, b:t():clone():t()), expected, tolerance, type)
    end
  end
end)

t.test('mm: 64-bit integers are exact and wrap', function()
  local big = 4294967297
  local a = torch.LongTensor {{big, 1}}
  t.equal(torch.mm(a, a:t())[1][1], big * big + 1)
end)

t.test('mm: larger matrices', function()
  local a, b = torch.randn(70, 33), torch.randn(33, 65)
  check(torch.mm(a, b), naive(a, b), 1e-12)
  check(torch.mm(b:t(), a:t()), naive(b:t(), a:t()), 1e-12)
end)

t.test('mm: the result may be an operand', function()
  local a, b = torch.randn(4, 4), torch.randn(4, 4)
  local expected = naive(a, b)
  check(a:mm(a, b), expected, 1e-12)
  local c = torch.randn(3, 5)
  expected = naive(c, c:t())
  check(torch.mm(c, c, c:t()), expected, 1e-12)
end)

t.test('mm: NaN in the old result does not matter', function()
  local result = torch.Tensor(2, 2):fill(0 / 0)
  check(result:mm(torch.eye(2), torch.eye(2)), torch.eye(2), 0)
end)

t.test('mm: empty sizes', function()
  t.equal(torch.mm(torch.zeros(0, 3), torch.zeros(3, 2)):nElement(), 0)
  check(torch.mm(torch.zeros(2, 0), torch.zeros(0, 2)), torch.zeros(2, 2), 0)
  check(torch.ones(2, 2):addmm(3, 1, torch.zeros(2, 0), torch.zeros(0, 2)),
        torch.DoubleTensor(2, 2):fill(3), 0)
end)

t.test('mv, ger, dot: against loops, for every layout', function()
  for layout, a in pairs(reference.layouts('Double', 4, 3)) do
    local x, y = torch.randn(3, 2):select(2, 1), torch.randn(4)
    check(torch.mv(a, x):view(4, 1), naive(a, x:contiguous():view(3, 1)), 1e-12, layout)
    check(torch.mv(a:t(), y):view(3, 1), naive(a:t(), y:view(4, 1)), 1e-12, layout)
    check(torch.ger(y, x), naive(y:view(4, 1), x:contiguous():view(1, 3)), 1e-12)
    local sum = 0
    for i = 1, 4 do
      for j = 1, 3 do sum = sum + a[i][j] * a[i][j] end
    end
    t.near(a:dot(a), sum, 1e-12)
  end
  t.equal(torch.LongTensor {math.maxinteger, 1}:dot(torch.LongTensor {1, 5}), math.mininteger + 4)
  t.equal(torch.range(1, 6):view(2, 3):t():dot(torch.ones(6)), 21.0)
  t.equal(torch.Tensor():dot(torch.Tensor()), 0.0)
end)

t.test('addmm: all the spellings of torch7', function()
  local M, a, b = torch.randn(4, 5), torch.randn(4, 3), torch.randn(3, 5)
  local product = naive(a, b)
  check(torch.addmm(M, a, b), M + product, 1e-12)
  check(torch.addmm(2, M, a, b), M * 2 + product, 1e-12)
  check(torch.addmm(M, 3, a, b), M + product * 3, 1e-12)
  check(torch.addmm(2, M, 3, a, b), M * 2 + product * 3, 1e-12)
  check(torch.addmm(torch.Tensor(), 2, M, 3, a, b), M * 2 + product * 3, 1e-12)
  check(torch.addmm(torch.Tensor(), M, a, b), M + product, 1e-12)
  check(M:clone():addmm(a, b), M + product, 1e-12)
  check(M:clone():addmm(3, a, b), M + product * 3, 1e-12)
  check(M:clone():addmm(2, 3, a, b), M * 2 + product * 3, 1e-12)
  check(torch.Tensor():addmm(2, M, 3, a, b), M * 2 + product * 3, 1e-12)
  check(torch.addmm(torch.ones(1, 5):expand(4, 5), a, b), product + 1, 1e-12)
  t.raises('expected ([result,] [beta,] M', torch.addmm, M, a)
end)

t.test('addmv and addr: add to vectors and matrices', function()
  local a, x, y = torch.randn(4, 3), torch.randn(3), torch.randn(4)
  check(torch.addmv(y, 2, a, x), y + torch.mv(a, x) * 2, 1e-12)
  check(y:clone():addmv(a, x), y + torch.mv(a, x), 1e-12)
  check(a:clone():addr(y, x), a + torch.ger(y, x), 1e-12)
  check(a:clone():addr(0.5, y, x), a + torch.ger(y, x) * 0.5, 1e-12)
end)

t.test('*: matrix product, matrix times vector, dot product', function()
  local a, x = torch.randn(4, 3), torch.randn(3)
  check(a * a:t(), naive(a, a:t()), 1e-12)
  check(a * x, torch.mv(a, x), 1e-12)
  t.near(x * x, x:dot(x), 1e-12)
  t.raises('use torch.cmul(a, b)', function() return x * a end)
end)

t.test('errors: name the sizes and types', function()
  t.raises('sizes 4x3 and 4x3 do not fit: 3 columns and 4 rows', torch.mm, torch.ones(4, 3),
           torch.ones(4, 3))
  t.raises('do not mix', torch.mm, torch.FloatTensor(2, 2), torch.DoubleTensor(2, 2))
  t.raises('with 2 and 2 dimensions, got sizes 3 and 3', torch.mm, torch.ones(3), torch.ones(3))
  t.raises('does not fit into a tensor', function()
    torch.ones(2, 2):addmm(torch.ones(3, 2), torch.ones(2, 2))
  end)
  t.raises('clone()', function()
    torch.ones(1, 2):expand(2, 2):mm(torch.ones(2, 2), torch.ones(2, 2))
  end)
end)

t.test('bmm, baddbmm and addbmm: every matrix of a batch, for every type', function()
  for _, type in ipairs(reference.types) do
    local tolerance = (reference.tolerance[type] or 0) * 50
    local function sample(...) return torch[type .. 'Tensor'](...):random(0, 3) end
    local a, b = sample(4, 3, 2):transpose(2, 3), sample(3, 5, 4):transpose(1, 3)
    local m, n = sample(4, 2, 3), sample(2, 3)
    b = b:narrow(2, 1, 3):narrow(3, 1, 3)
    local product, added, summed = torch.bmm(a, b), torch.baddbmm(2, m, 3, a, b),
      torch.addbmm(2, n, 3, a, b)
    local sum = n * 2
    for i = 1, 4 do
      local one = torch.mm(a[i], b[i])
      assert((product[i] - one):double():abs():max() <= tolerance)
      assert((added[i] - (m[i] * 2 + one * 3)):double():abs():max() <= tolerance, type)
      sum = sum + one * 3
    end
    assert((summed - sum):double():abs():max() <= tolerance * 12, type)
    t.equal(m:baddbmm(0, 1, a, b), m)
    assert(m:equal(product))
    local result = m.new()
    t.equal(result:bmm(a, b), result)
    assert(result:equal(product))
  end
end)

t.test('bmm: operands in the result, empty batches, sizes that do not fit', function()
  local a = torch.randn(3, 2, 2)
  local expected = torch.bmm(a, a)
  torch.bmm(a, a, a)
  assert(a:equal(expected))
  t.equal(torch.bmm(torch.zeros(0, 2, 3), torch.zeros(0, 3, 4)):nElement(), 0)
  local m = torch.ones(2, 4)
  assert(torch.addbmm(3, m, 1, torch.zeros(0, 2, 3), torch.zeros(0, 3, 4)):equal(m * 3))
  t.raises('bmm: sizes 3x2x2 and 2x2x2 do not fit: 3 and 2 matrices', torch.bmm, a,
           torch.zeros(2, 2, 2))
  t.raises('bmm: sizes 3x2x2 and 3x4x2 do not fit: 2 columns and 4 rows', torch.bmm, a,
           torch.zeros(3, 4, 2))
  t.raises('expected operands with 3 and 3 dimensions', torch.bmm, a, a[1])
end)

t.done()
