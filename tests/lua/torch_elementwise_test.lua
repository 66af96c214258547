-- SPDX-License-Identifier: Apache-2.0
-- Element-wise functions against Lua loops, for all types and layouts.
local torch = require 'torch'
local t = require 'tap'
local reference = require 'reference'

math.randomseed(7)

local function truncate(x) return x < 0 and math.ceil(x) or math.floor(x) end

local binary = {
  add = function(a, b) return a + b end,
  csub = function(a, b) return a - b end,
  cmul = function(a, b) return a * b end,
  cdiv = function(a, b) return a / b end,
  cmax = math.max,
  cmin = math.min,
}

--- What `type` makes of the exact result.
local function stored(type, value)
  if reference.tolerance[type] then return value end
  value = truncate(value) // 1
  return type == 'Byte' and value & 255 or value
end

for name, f in pairs(binary) do
  t.test(name .. ': equals a loop for every type', function()
    for _, type in ipairs(reference.types) do
      local a, b = reference.sample(type, 3, 5), reference.sample(type, 3, 5)
      reference.check(torch[name](a, b), reference.tolerance[type], name .. ' ' .. type,
                      function(x, y) return stored(type, f(x, y)) end, a, b)
    end
  end)

  t.test(name .. ': equals a loop for every pair of layouts', function()
    for _, type in ipairs {'Float', 'Int'} do
      for left, a in pairs(reference.layouts(type, 4, 6)) do
        for right, b in pairs(reference.layouts(type, 4, 6)) do
          reference.check(torch[name](a, b), reference.tolerance[type], left .. ' ' .. right,
                          function(x, y) return stored(type, f(x, y)) end, a, b)
        end
      end
    end
  end)

  t.test(name .. ': takes a number, in place and new', function()
    for _, type in ipairs {'Double', 'Half', 'Long'} do
      for layout, a in pairs(reference.layouts(type, 3, 4)) do
        local expected = torch[name](a, 3)
        reference.check(expected, reference.tolerance[type], layout,
                        function(x) return stored(type, f(x, 3)) end, a)
        local copy = a:clone()
        t.equal(copy[name](copy, 3), copy)
        assert(copy:equal(expected))
      end
    end
  end)
end

t.test('in place: writes through views and leaves the rest alone', function()
  local a = torch.zeros(4, 4)
  a:narrow(1, 2, 2):narrow(2, 2, 2):add(1)
  a:t():select(1, 4):add(5)
  t.equal(a:sum(), 24.0)
  t.equal(a[2][3], 1.0)
  t.equal(a[1][4], 5.0)
end)

t.test('add: takes a scale, and an explicit result that is resized', function()
  local a, b = torch.randn(3, 3), torch.randn(3, 3)
  reference.check(torch.add(a, 2, b), 1e-12, 'a + 2b', function(x, y) return x + 2 * y end, a, b)
  reference.check(torch.csub(a, 2, b), 1e-12, 'a - 2b', function(x, y) return x - 2 * y end, a, b)
  local result = torch.Tensor()
  t.equal(torch.add(result, a, 2, b), result)
  assert(result:equal(torch.add(a, 2, b)))
  t.equal(result:add(a, 1), result)
  assert(result:equal(a + 1))
  local in_place = a:clone():add(2, b)
  assert(in_place:equal(torch.add(a, 2, b)))
  local whole = torch.LongTensor {1, 2}:csub(3, torch.LongTensor {10, 20})
  t.equal(whole[2], -58)
end)

t.test('operators: numbers on either side', function()
  local a = torch.Tensor {1, 2, 4}
  assert((2 - a):equal(torch.Tensor {1, 0, -2}))
  assert((8 / a):equal(torch.Tensor {8, 4, 2}))
  assert((a * 2):equal(2 * a))
  assert((-a):equal(a * -1))
  assert((a / 2):equal(torch.Tensor {0.5, 1, 2}))
  assert((2 ^ a):equal(torch.Tensor {2, 4, 16}))
end)

local unary = {
  abs = math.abs,
  neg = function(x) return -x end,
  sign = function(x) return x > 0 and 1 or x < 0 and -1 or 0 end,
  floor = math.floor,
  ceil = math.ceil,
  trunc = truncate,
  round = function(x) return x < 0 and -math.floor(-x + 0.5) or math.floor(x + 0.5) end,
  exp = math.exp,
  tanh = function(x) return 1 - 2 / (math.exp(2 * x) + 1) end,
  sigmoid = function(x) return 1 / (1 + math.exp(-x)) end,
  sin = math.sin,
  cos = math.cos,
}
for name, f in pairs(unary) do
  t.test(name .. ': equals a loop for every layout', function()
    for _, type in ipairs(reference.floating) do
      for layout, a in pairs(reference.layouts(type, 4, 5)) do
        reference.check(torch[name](a), math.max(reference.tolerance[type], 1e-7) * 2, layout, f, a)
        local copy = a:clone()
        t.equal(copy[name](copy), copy)
        reference.check(copy, math.max(reference.tolerance[type], 1e-7) * 2, layout, f, a)
      end
    end
  end)
end

t.test('log and sqrt: equal loops, and are NaN for negative numbers', function()
  local a = torch.rand(5, 5):add(0.1)
  reference.check(torch.log(a), 1e-12, 'log', math.log, a)
  reference.check(torch.sqrt(a:t()), 1e-12, 'sqrt', math.sqrt, a:t())
  local x = torch.log(torch.Tensor {-1})[1]
  assert(x ~= x)
end)

t.test('abs, neg, sign: keep integers, the smallest included', function()
  local a = torch.CharTensor {-128, -3, 0, 7}
  assert(torch.abs(a):equal(torch.CharTensor {-128, 3, 0, 7}))
  assert(torch.neg(a):equal(torch.CharTensor {-128, 3, 0, -7}))
  assert(torch.sign(a):equal(torch.CharTensor {-1, -1, 0, 1}))
end)

t.test('exp: refuses integers and says what to do', function()
  t.raises('convert with :double()', torch.exp, torch.LongTensor {1})
end)

t.test('pow: numbers and tensors, either way round', function()
  local a = torch.rand(4, 4):add(0.5)
  for _, exponent in ipairs {2, 1, 0, 0.5, -1, 3} do
    reference.check(torch.pow(a:t(), exponent), 1e-12, 'pow', function(x) return x ^ exponent end,
                    a:t())
  end
  reference.check(torch.pow(2, a), 1e-12, '2^a', function(x) return 2 ^ x end, a)
  reference.check(torch.cpow(a, a:t()), 1e-12, 'cpow', function(x, y) return x ^ y end, a, a:t())
  assert(torch.LongTensor {3, -2, 1}:pow(3):equal(torch.LongTensor {27, -8, 1}))
  assert(torch.IntTensor {2, -1, 1}:pow(-3):equal(torch.IntTensor {0, -1, 1}))
end)

t.test('clamp: bounds, and keeps NaN', function()
  local a = torch.randn(6, 6)
  reference.check(torch.clamp(a:t(), -0.5, 0.5), 0, 'clamp',
                  function(x) return math.max(-0.5, math.min(0.5, x)) end, a:t())
  local nan = torch.Tensor {0 / 0}:clamp(0, 1)[1]
  assert(nan ~= nan)
  local relu = torch.cmax(a, 0)
  reference.check(relu, 0, 'cmax', function(x) return math.max(x, 0) end, a)
end)

local comparisons = {
  eq = function(a, b) return a == b end, ne = function(a, b) return a ~= b end,
  lt = function(a, b) return a < b end, le = function(a, b) return a <= b end,
  gt = function(a, b) return a > b end, ge = function(a, b) return a >= b end,
}
for name, f in pairs(comparisons) do
  t.test(name .. ': a ByteTensor of ones and zeros', function()
    for _, type in ipairs(reference.types) do
      for layout, a in pairs(reference.layouts(type, 4, 5)) do
        local b = reference.layouts(type, 4, 5).transposed:clone()
        b[2]:copy(a[2])
        local what = name .. ' ' .. type .. ' ' .. layout
        local result = torch[name](a, b)
        t.equal(result:type(), 'torch.ByteTensor')
        reference.check(result, 0, what, function(x, y) return f(x, y) and 1 or 0 end, a, b)
        reference.check(a[name](a, 1), 0, what, function(x) return f(x, 1) and 1 or 0 end, a)
      end
    end
  end)
end

t.test('integers: 64 bits stay exact, and wrap', function()
  local big = math.maxinteger - 1
  local a = torch.LongTensor {big, -big, 9007199254740993}
  t.equal(a[1], big)
  t.equal(a[3], 9007199254740993)
  t.equal((a + 1)[3], 9007199254740994)
  t.equal((a + 2)[1], math.mininteger)
  t.equal(torch.cmul(a, a)[3], 9007199254740993 * 9007199254740993)
  t.equal(torch.LongTensor {math.mininteger}:div(-1)[1], math.mininteger)
  t.equal(a:sum(), 9007199254740993)
  t.equal(a:max(), big)
  t.equal(a:eq(9007199254740992):sum(), 0)
end)

t.test('comparisons: integers against numbers that their type cannot hold', function()
  local a = torch.LongTensor {1, 2}
  assert(a:lt(1.5):equal(torch.ByteTensor {1, 0}))
  assert(a:ge(1.5):equal(torch.ByteTensor {0, 1}))
  t.equal(a:eq(1.5):sum(), 0)
  t.equal(a:lt(1e30):sum(), 2)
  t.equal(torch.ByteTensor {44, 255}:lt(300):sum(), 2)
  t.equal(torch.ByteTensor {44, 255}:ne(300):sum(), 2)
  t.equal(torch.ge(0.5, a):sum(), 0)
end)

t.test('integers: division truncates, and by zero raises', function()
  assert(torch.IntTensor {7, -7}:div(2):equal(torch.IntTensor {3, -3}))
  t.raises('division by zero', torch.cdiv, torch.IntTensor {1}, torch.IntTensor {0})
  t.raises('division by zero', function() return torch.LongTensor {1} / 0 end)
end)

t.test('f16 and bf16: round to nearest even, once', function()
  local half = torch.HalfTensor {1 + 2 ^ -11, 1 + 3 * 2 ^ -11, 65519, 65520, 2 ^ -25, 1 / 3}
  t.equal(half[1], 1.0)
  t.equal(half[2], 1 + 2 ^ -9)
  t.equal(half[3], 65504.0)
  t.equal(half[4], math.huge)
  t.equal(half[5], 0.0)
  t.near(half[6], 0.333251953125, 0)
  -- Rounded to float first this would be a tie, and go to 1.
  t.equal(torch.HalfTensor {1 + 2 ^ -11 + 2 ^ -40}[1], 1 + 2 ^ -10)
  t.equal(torch.BFloat16Tensor {1 + 2 ^ -8}[1], 1.0)
  t.equal(torch.BFloat16Tensor {1 + 3 * 2 ^ -8}[1], 1 + 2 ^ -6)
end)

t.test('broadcast: by the rules of numpy', function()
  local a, b = torch.randn(3, 1, 4), torch.randn(2, 1)
  local sum = a + b
  t.equal(table.concat(sum:size():totable(), 'x'), '3x2x4')
  for i = 1, 3 do
    for j = 1, 2 do
      for k = 1, 4 do t.equal(sum[i][j][k], a[i][1][k] + b[j][1]) end
    end
  end
  t.raises('sizes 3 and 4 do not match', torch.add, torch.ones(3), torch.ones(4))
  t.raises('does not fit', function() torch.ones(3):add(torch.ones(2, 3)) end)
end)

t.test('in place: refuses expanded targets', function()
  local a = torch.ones(1, 3):expand(4, 3)
  for _, f in ipairs {'add', 'fill', 'mul'} do t.raises('clone()', a[f], a, 1) end
  t.raises('clone()', a.copy, a, torch.ones(4, 3))
  t.raises('clone()', function() a[{{}, 1}] = 2 end)
end)

t.test('in place: operands that overlap the target are read before they change', function()
  local a = torch.range(1, 6)
  a:narrow(1, 2, 5):add(a:narrow(1, 1, 5))
  assert(a:equal(torch.Tensor {1, 3, 5, 7, 9, 11}))
  local m = torch.randn(5, 5)
  local expected = m + m:t()
  assert(m:add(m:t()):equal(expected))
  local moved = torch.range(1, 5)
  moved:narrow(1, 2, 4):copy(moved:narrow(1, 1, 4))
  assert(moved:equal(torch.Tensor {1, 1, 2, 3, 4}))
end)

t.test('types: do not mix, and the message names both', function()
  t.raises('+: torch.FloatTensor and torch.LongTensor do not mix',
           function() return torch.FloatTensor(2) + torch.LongTensor(2) end)
  t.raises('torch.FloatTensor and torch.DoubleTensor do not mix', torch.add, torch.FloatTensor(2),
           torch.DoubleTensor(2))
end)

t.test('arguments: a wrong call says what was expected and what it got', function()
  t.raises('expected ([result,] tensor, [scale,] tensor or number), got (torch.DoubleTensor of ' ..
             'size 2x2, string)', torch.add, torch.zeros(2, 2), 'x')
  t.raises('expected a tensor', torch.zeros(2).add, 3)
end)

t.test('empty tensors: element-wise functions give empty tensors', function()
  for _, empty in ipairs {torch.Tensor(), torch.zeros(0), torch.zeros(3, 0)} do
    t.equal((empty + 1):nElement(), 0)
    t.equal((empty + empty):nElement(), 0)
    t.equal(empty:clone():exp():nElement(), 0)
    t.equal(empty:gt(0):nElement(), 0)
    t.equal(empty:clone():clamp(0, 1):nElement(), 0)
  end
end)

t.done()
