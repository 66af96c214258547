-- SPDX-License-Identifier: Apache-2.0
-- The rarer element-wise functions, and those of three tensors, against plain Lua.
local torch = require 'torch'
local t = require 'tap'
local reference = require 'reference'

math.randomseed(31)

local unary = {
  log1p = function(x) return math.log(1 + x) end,
  rsqrt = function(x) return 1 / math.sqrt(x) end,
  cinv = function(x) return 1 / x end,
  frac = function(x) return math.fmod(x, 1) end,
  tan = math.tan,
  asin = math.asin,
  acos = math.acos,
  atan = math.atan,
  sinh = function(x) return (math.exp(x) - math.exp(-x)) / 2 end,
  cosh = function(x) return (math.exp(x) + math.exp(-x)) / 2 end,
}

t.test('functions of one tensor: every type and layout', function()
  for name, f in pairs(unary) do
    for _, type in ipairs(reference.floating) do
      for layout, a in pairs(reference.layouts(type, 4, 5)) do
        local x = a:clone():abs():div(5)  -- between 0 and 1
        if layout == 'transposed' then x = x:t():clone():t() end
        reference.check(torch[name](x), reference.tolerance[type] * 2, name .. ' ' .. layout, f, x)
      end
    end
    t.raises('convert with :double()', torch[name == 'frac' and 'exp' or name],
             torch.LongTensor {1})
  end
end)

t.test('functions of one tensor: in place, and into a result', function()
  local a = torch.Tensor {0.25, 4}
  local result = torch.Tensor()
  t.equal(torch.rsqrt(result, a), result)
  assert(result:equal(torch.Tensor {2, 0.5}))
  t.equal(a:cinv(), a)
  assert(a:equal(torch.Tensor {4, 0.25}))
end)

t.test('frac: keeps the sign, and is 0 for what has no fraction', function()
  assert(torch.Tensor {-1.5, 2.25, 3, 1 / 0}:frac():equal(torch.Tensor {-0.5, 0.25, 0, 0}))
end)

t.test('log1p: keeps small numbers', function()
  t.near(torch.Tensor {1e-20}:log1p()[1] * 1e20, 1, 1e-12)
end)

t.test('fmod and remainder: of every sign and type', function()
  for _, type in ipairs(reference.types) do
    local a = reference.sample(type, 6, 5)
    local b = reference.sample(type, 6, 5)
    local tolerance = (reference.tolerance[type] or 0) * 8
    reference.check(torch.fmod(a, b), tolerance, 'fmod ' .. type, math.fmod, a, b)
    reference.check(torch.remainder(a, b), tolerance, 'remainder ' .. type,
                    function(x, y) return x - y * math.floor(x / y) end, a, b)
  end
  assert(torch.IntTensor {7, -7}:remainder(-4):equal(torch.IntTensor {-1, -3}))
  assert(torch.IntTensor {7, -7}:fmod(-4):equal(torch.IntTensor {3, -3}))
  t.equal(torch.LongTensor {math.mininteger}:fmod(-1)[1], 0)
  t.raises('division by zero', torch.remainder, torch.LongTensor {1}, 0)
end)

t.test('atan2: every quadrant', function()
  for layout, a in pairs(reference.layouts('Double', 3, 4)) do
    local b = reference.sample('Double', 3, 4)
    reference.check(torch.atan2(a, b), 1e-15, layout, math.atan, a, b)
  end
  t.raises('atan2 needs floating-point', torch.atan2, torch.IntTensor {1}, torch.IntTensor {1})
end)

t.test('addcmul and addcdiv: every type, layout and form', function()
  for _, type in ipairs(reference.types) do
    local tolerance = reference.tolerance[type] and reference.tolerance[type] * 4
    for layout, x in pairs(reference.layouts(type, 3, 4)) do
      local a, b = reference.sample(type, 3, 4), reference.sample(type, 3, 4)
      local flat = {reference.flatten(x), reference.flatten(a), reference.flatten(b)}
      local function expect(result, scale, f, what)
        local got = reference.flatten(result)
        for i = 1, #got do
          local expected = flat[1][i] + scale * f(flat[2][i], flat[3][i])
          if type == 'Byte' then expected = expected & 255 end
          if type == 'Char' then expected = (expected + 128 & 255) - 128 end
          t.near(got[i], expected, tolerance or 0, what)
        end
      end
      local what = type .. ' ' .. layout
      expect(torch.addcmul(x, a, b), 1, function(p, q) return p * q end, what)
      expect(torch.addcmul(x, 3, a, b), 3, function(p, q) return p * q end, what)
      local result = x.new()
      t.equal(torch.addcmul(result, x, 2, a, b), result)
      expect(result, 2, function(p, q) return p * q end, what)
      local function divide(p, q)
        local quotient = p / q
        if tolerance then return quotient end
        return quotient < 0 and math.ceil(quotient) or math.floor(quotient)
      end
      expect(torch.addcdiv(x, 2, a, b), 2, divide, what)
      if not layout:find('expanded') then
        expect(x:clone():addcdiv(a, b), 1, divide, what)
        expect(x:addcdiv(2, a, b), 2, divide, what)
      end
    end
  end
end)

t.test('addcmul: broadcasts, and names sizes that do not fit', function()
  local sum = torch.addcmul(torch.ones(2, 3), torch.Tensor {{1}, {2}}, torch.Tensor {1, 10, 100})
  assert(sum:equal(torch.Tensor {{2, 11, 101}, {3, 21, 201}}))
  t.raises('addcmul: sizes 3 and 4 do not match', torch.addcmul, torch.ones(3), torch.ones(3),
           torch.ones(4))
  t.raises('does not fit into a tensor of size 3', function()
    torch.ones(3):addcmul(torch.ones(2, 3), torch.ones(3))
  end)
  t.raises('expected ([result,] tensor, [number,] tensor, tensor)', torch.addcmul, torch.ones(3))
  t.raises('do not mix', torch.addcmul, torch.ones(2), torch.ones(2), torch.FloatTensor(2))
end)

t.test('lerp: between two tensors', function()
  for _, type in ipairs(reference.floating) do
    for layout, a in pairs(reference.layouts(type, 3, 4)) do
      local b = reference.sample(type, 3, 4)
      reference.check(torch.lerp(a, b, 0.25), reference.tolerance[type] * 8, type .. ' ' .. layout,
                      function(x, y) return x + 0.25 * (y - x) end, a, b)
    end
  end
  local a = torch.Tensor {0, 10}
  t.equal(a:lerp(torch.Tensor {1, 20}, 0.5), a)
  assert(a:equal(torch.Tensor {0.5, 15}))
  t.raises('lerp needs floating-point', torch.lerp, torch.IntTensor {1}, torch.IntTensor {2}, 0.5)
end)

t.test('cross: along the first dimension of size 3, or a given one', function()
  local a, b = torch.randn(2, 3, 3), torch.randn(2, 3, 3)
  for dim = 2, 3 do
    local c = torch.cross(a, b, dim)
    for i = 1, 2 do
      for j = 1, 3 do
        local function lane(m) return reference.flatten(m[i]:select(dim == 2 and 2 or 1, j)) end
        local x, y, z = lane(a), lane(b), lane(c)
        t.near(z[1], x[2] * y[3] - x[3] * y[2], 1e-12)
        t.near(z[2], x[3] * y[1] - x[1] * y[3], 1e-12)
        t.near(z[3], x[1] * y[2] - x[2] * y[1], 1e-12)
      end
    end
  end
  assert(torch.cross(a, b):equal(torch.cross(a, b, 2)))
  local x = torch.LongTensor {1, 0, 0}
  assert(x:cross(torch.LongTensor {0, 1, 0}):equal(torch.LongTensor {0, 0, 1}))
  torch.cross(x, x, torch.LongTensor {0, 1, 0})
  assert(x:equal(torch.LongTensor {0, 0, 1}))
  t.raises('has no dimension of size 3', torch.cross, torch.ones(2, 2), torch.ones(2, 2))
  t.raises('cross: sizes 3 and 3x1 differ', torch.cross, torch.ones(3), torch.ones(3, 1))
end)

t.test('dist: norms of the difference', function()
  for layout, a in pairs(reference.layouts('Float', 3, 4)) do
    local b = reference.sample('Float', 3, 4)
    local x, y = reference.flatten(a), reference.flatten(b)
    local sums = {0, 0, 0}
    for i = 1, #x do
      for power = 1, 3 do sums[power] = sums[power] + math.abs(x[i] - y[i]) ^ power end
    end
    t.near(torch.dist(a, b), math.sqrt(sums[2]), 1e-6, layout)
    t.near(a:dist(b, 1), sums[1], 1e-6, layout)
    t.near(a:dist(b, 3), sums[3] ^ (1 / 3), 1e-6, layout)
  end
  t.equal(torch.ones(2, 2):dist(torch.ones(4)), 0.0)
  t.equal(torch.Tensor():dist(torch.Tensor()), 0.0)
  t.raises('dist: sizes 2 and 3', torch.dist, torch.ones(2), torch.ones(3))
end)

t.test('empty tensors: every function gives an empty one', function()
  for _, empty in ipairs {torch.zeros(0), torch.zeros(3, 0)} do
    for name in pairs(unary) do t.equal(torch[name](empty):nElement(), 0) end
    t.equal(torch.addcmul(empty, empty, empty):nElement(), 0)
    t.equal(torch.lerp(empty, empty, 2):nElement(), 0)
    t.equal(torch.cross(torch.zeros(3, 0), torch.zeros(3, 0)):nElement(), 0)
    t.equal(torch.fmod(empty, 2):nElement(), 0)
  end
end)

t.done()
