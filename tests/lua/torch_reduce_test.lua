-- SPDX-License-Identifier: Apache-2.0
-- Reductions, sorting and running sums against Lua loops.
local torch = require 'torch'
local t = require 'tap'
local reference = require 'reference'

math.randomseed(11)

local function fold(list, f, start)
  local value = start
  for _, x in ipairs(list) do value = f(value, x) end
  return value
end

local function sum_of(list) return fold(list, function(a, b) return a + b end, 0) end
local function mean_of(list) return sum_of(list) / #list end
local function variance_of(list, divisor)
  local mean = mean_of(list)
  return fold(list, function(a, x) return a + (x - mean) ^ 2 end, 0.0) / divisor
end

local folds = {
  sum = sum_of,
  prod = function(list) return fold(list, function(a, b) return a * b end, 1) end,
  mean = mean_of,
  var = function(list) return variance_of(list, #list - 1) end,
  std = function(list) return math.sqrt(variance_of(list, #list - 1)) end,
  norm = function(list)
    return math.sqrt(fold(list, function(a, x) return a + x * x end, 0.0))
  end,
}

--- The lanes of a matrix along `dim` as lists.
local function lanes(matrix, dim)
  local result = {}
  for i = 1, matrix:size(3 - dim) do
    result[i] = reference.flatten(matrix:select(3 - dim, i))
  end
  return result
end

for name, f in pairs(folds) do
  t.test(name .. ': of everything, for every type and layout', function()
    for _, type in ipairs(reference.floating) do
      for layout, a in pairs(reference.layouts(type, 4, 3)) do
        t.near(torch[name](a), f(reference.flatten(a)), 1e-5, type .. ' ' .. layout)
      end
    end
  end)

  t.test(name .. ': along each dimension, which stays with size 1', function()
    for _, type in ipairs(reference.floating) do
      for layout, a in pairs(reference.layouts(type, 4, 3)) do
        for dim = 1, 2 do
          local result = name == 'norm' and a:norm(2, dim) or a[name](a, dim)
          t.equal(result:type(), a:type())
          t.equal(result:size(dim), 1)
          t.equal(result:size(3 - dim), a:size(3 - dim))
          for i, lane in ipairs(lanes(a, dim)) do
            t.near(result:select(dim, 1)[i], f(lane), reference.tolerance[type] * 4,
                   type .. ' ' .. layout)
          end
        end
      end
    end
  end)
end

t.test('sum: integers stay integers and do not overflow their type', function()
  for _, type in ipairs {'Byte', 'Char', 'Short', 'Int', 'Long'} do
    local a = torch[type .. 'Tensor'](10, 100):fill(100)
    t.equal(a:sum(), 100000, type)
  end
  t.equal(torch.LongTensor {{1, 2}, {3, 4}}:sum(2)[2][1], 7)
end)

t.test('sum: higher dimensions', function()
  local a = torch.randn(3, 4, 5):transpose(1, 3)
  for dim = 1, 3 do
    local expected = a:select(dim, 1):clone()
    for i = 2, a:size(dim) do expected:add(a:select(dim, i)) end
    t.near((a:sum(dim):select(dim, 1) - expected):abs():max(), 0, 1e-12)
  end
end)

t.test('sum: a result given is resized and returned, even when it is the operand', function()
  local a = torch.ones(2, 3)
  local result = torch.Tensor()
  t.equal(torch.sum(result, a, 1), result)
  t.equal(result:size(2), 3)
  torch.sum(a, a, 2)
  assert(a:equal(torch.Tensor {{3}, {3}}))
end)

t.test('norm: powers 0, 1, 3', function()
  local a = torch.Tensor {-3, 0, 4}
  t.equal(a:norm(0), 2.0)
  t.equal(a:norm(1), 7.0)
  t.near(a:norm(3), 91 ^ (1 / 3), 1e-12)
  t.raises('need a floating-point', torch.LongTensor({1}).norm, torch.LongTensor {1})
  t.raises('must be finite', a.norm, a, math.huge)
end)

t.test('var and std: true divides by n', function()
  local a = torch.randn(10)
  t.near(a:var(1, true)[1], variance_of(reference.flatten(a), 10), 1e-12)
  t.near(a:std(true), math.sqrt(variance_of(reference.flatten(a), 10)), 1e-12)
end)

t.test('mean: of integers is a real number', function()
  t.equal(torch.LongTensor {1, 2}:mean(), 1.5)
  t.raises('needs a floating-point tensor', torch.mean, torch.LongTensor {1}, 1)
end)

t.test('max and min: values and places, for every type and layout', function()
  for _, type in ipairs(reference.types) do
    for layout, a in pairs(reference.layouts(type, 5, 4)) do
      local what = type .. ' ' .. layout
      local list = reference.flatten(a)
      t.equal(a:max(), math.max(table.unpack(list)), what)
      t.equal(a:min(), math.min(table.unpack(list)), what)
      for dim = 1, 2 do
        for _, name in ipairs {'max', 'min'} do
          local values, indices = a[name](a, dim)
          t.equal(indices:type(), 'torch.LongTensor')
          t.equal(values:size(dim), 1)
          for i, lane in ipairs(lanes(a, dim)) do
            local best = math[name](table.unpack(lane))
            local place = 1
            while lane[place] ~= best do place = place + 1 end
            t.equal(values:select(dim, 1)[i], best, what)
            t.equal(indices:select(dim, 1)[i], place, what)
          end
        end
      end
    end
  end
end)

t.test('max and min: long rows, the first of equals', function()
  local a = torch.FloatTensor(2, 100):zero()
  a[1][40], a[1][41], a[2][77], a[2][99] = 3, 3, -1, -1
  local values, indices, _ = a:max(2)
  t.equal(values[1][1], 3.0)
  t.equal(indices[1][1], 40)
  t.equal(indices[2][1], 1)
  _, indices = a:min(2)
  t.equal(indices[2][1], 77)
  a[2][50] = 0 / 0
  values, indices = a:min(2)
  assert(values[2][1] ~= values[2][1])
  t.equal(indices[2][1], 50)
end)

t.test('max and min: a NaN wins', function()
  local nan = 0 / 0
  local a = torch.Tensor {1, nan, 3}
  assert(a:max() ~= a:max() and a:min() ~= a:min())
  local values, indices = a:max(1)
  assert(values[1] ~= values[1])
  t.equal(indices[1], 2)
end)

t.test('all and any: of everything and along a dimension', function()
  local a = torch.ByteTensor {{1, 0}, {1, 1}}
  t.equal(a:all(), false)
  t.equal(a:any(), true)
  assert(a:all(1):equal(torch.ByteTensor {{1, 0}}))
  t.equal(torch.all(torch.eq(a, a)), true)
  t.equal(torch.ByteTensor():all(), true)
  t.equal(torch.zeros(3):any(), false)
end)

t.test('sort: both ways, with indices, for every layout', function()
  for _, type in ipairs(reference.types) do
    for layout, a in pairs(reference.layouts(type, 5, 6)) do
      for dim = 1, 2 do
        for _, descending in ipairs {false, true} do
          local values, indices = torch.sort(a, dim, descending)
          for i, lane in ipairs(lanes(a, dim)) do
            local places = reference.flatten(indices:select(3 - dim, i))
            local sorted = reference.flatten(values:select(3 - dim, i))
            for k = 1, #sorted do
              t.equal(sorted[k], lane[places[k]], type .. ' ' .. layout)
              if k > 1 then
                assert(descending and sorted[k] <= sorted[k - 1] or
                         not descending and sorted[k] >= sorted[k - 1])
              end
            end
          end
        end
      end
    end
  end
end)

t.test('sort: the last dimension by default, NaN at the end', function()
  local values, indices = torch.sort(torch.Tensor {3, 0 / 0, 1})
  t.equal(values[1], 1.0)
  t.equal(indices[3], 2)
end)

t.test('cumsum and cumprod: running values', function()
  for layout, a in pairs(reference.layouts('Double', 4, 5)) do
    for dim = 1, 2 do
      local sums, products = torch.cumsum(a, dim), torch.cumprod(a, dim)
      for i, lane in ipairs(lanes(a, dim)) do
        local sum, product = 0, 1
        for k, x in ipairs(lane) do
          sum, product = sum + x, product * x
          t.near(sums:select(3 - dim, i)[k], sum, 1e-12, layout)
          t.near(products:select(3 - dim, i)[k], product, 1e-12, layout)
        end
      end
    end
  end
end)

t.test('empty tensors: sums are zero, extremes raise', function()
  t.equal(torch.Tensor():sum(), 0.0)
  t.equal(torch.LongTensor():prod(), 1)
  t.equal(torch.zeros(3, 0):sum(), 0.0)
  assert(torch.zeros(2, 0):sum(2):equal(torch.zeros(2, 1)))
  t.raises('without elements', torch.max, torch.Tensor())
  t.raises('without elements', torch.mean, torch.Tensor())
  t.raises('without elements', torch.max, torch.zeros(2, 0), 2)
end)

t.test('dimensions: out of range says how many there are', function()
  t.raises('dimension 3 out of range: the tensor has 2', torch.sum, torch.zeros(2, 2), 3)
end)

t.done()
