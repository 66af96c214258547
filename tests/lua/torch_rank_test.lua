-- SPDX-License-Identifier: Apache-2.0
-- topk, kthvalue, median and mode, against sorted lists.
local torch = require 'torch'
local t = require 'tap'
local reference = require 'reference'

math.randomseed(37)

--- The elements along `dim` of a matrix, as lists.
local function lanes(matrix, dim)
  local result = {}
  for i = 1, matrix:size(3 - dim) do
    result[i] = reference.flatten(matrix:select(3 - dim, i))
  end
  return result
end

--- Calls check(type, layout, matrix, dim) for many.
local function for_each_matrix(check)
  for _, type in ipairs(reference.types) do
    for layout, a in pairs(reference.layouts(type, 5, 6)) do
      for dim = 1, 2 do check(type .. ' ' .. layout, a, dim) end
    end
  end
end

t.test('kthvalue: the k-th smallest and its place, for every type and layout', function()
  for_each_matrix(function(what, a, dim)
    local k = math.random(a:size(dim))
    local values, indices = torch.kthvalue(a, k, dim)
    t.equal(values:size(dim), 1)
    t.equal(indices:type(), 'torch.LongTensor')
    for i, lane in ipairs(lanes(a, dim)) do
      local place = indices:select(dim, 1)[i]
      t.equal(lane[place], values:select(dim, 1)[i], what)
      local sorted = {table.unpack(lane)}
      table.sort(sorted)
      t.equal(values:select(dim, 1)[i], sorted[k], what)
    end
  end)
end)

t.test('topk: both ends, sorted, for every type and layout', function()
  for_each_matrix(function(what, a, dim)
    for _, largest in ipairs {false, true} do
      local k = math.random(a:size(dim))
      local values, indices = a:topk(k, dim, largest)
      t.equal(values:size(dim), k)
      for i, lane in ipairs(lanes(a, dim)) do
        local sorted = {table.unpack(lane)}
        table.sort(sorted, largest and function(x, y) return x > y end or nil)
        for j = 1, k do
          t.equal(values:select(3 - dim, i)[j], sorted[j], what)
          t.equal(lane[indices:select(3 - dim, i)[j]], sorted[j], what)
        end
      end
    end
  end)
end)

t.test('median: the middle one, or the one before it, of the last dimension', function()
  for_each_matrix(function(what, a, dim)
    local values, indices = torch.median(a, dim)
    for i, lane in ipairs(lanes(a, dim)) do
      local sorted = {table.unpack(lane)}
      table.sort(sorted)
      t.equal(values:select(dim, 1)[i], sorted[(#sorted + 1) // 2], what)
      t.equal(lane[indices:select(dim, 1)[i]], values:select(dim, 1)[i], what)
    end
  end)
  local values, indices = torch.median(torch.Tensor {{3, 1, 2, 4}})
  t.equal(values:size(2), 1)
  t.equal(values[1][1], 2.0)
  t.equal(indices[1][1], 3)
end)

t.test('mode: the most frequent, and the smallest of those', function()
  local a = torch.IntTensor(7, 9):random(1, 4)
  for dim = 1, 2 do
    local values, indices = torch.mode(a, dim)
    for i, lane in ipairs(lanes(a, dim)) do
      local counts, best = {}, nil
      for _, x in ipairs(lane) do counts[x] = (counts[x] or 0) + 1 end
      for x = 1, 4 do
        if counts[x] and (not best or counts[x] > counts[best]) then best = x end
      end
      t.equal(values:select(dim, 1)[i], best)
      t.equal(lane[indices:select(dim, 1)[i]], best)
    end
  end
  local values, indices = torch.mode(torch.Tensor {5, 2, 5, 2, 1})
  t.equal(values[1], 2.0)
  t.equal(indices[1], 4)
  local all_nan = torch.mode(torch.Tensor {1, 0 / 0, 0 / 0})
  assert(all_nan[1] ~= all_nan[1])
end)

t.test('ranks: the last dimension and k = 1 by default; results are given or new', function()
  local a = torch.Tensor {{3, 1, 2}, {6, 5, 4}}
  assert(a:topk():equal(torch.Tensor {{1}, {4}}))
  assert(torch.topk(a, 2):equal(torch.Tensor {{1, 2}, {4, 5}}))
  assert(torch.topk(a, 1, true):equal(torch.Tensor {{3}, {6}}))
  assert(torch.kthvalue(a, 2):equal(torch.Tensor {{2}, {5}}))
  local values, indices = torch.Tensor(), torch.LongTensor()
  local got = torch.kthvalue(values, indices, a, 3, 2)
  t.equal(got, values)
  assert(indices:equal(torch.LongTensor {{1}, {1}}))
  torch.median(a, indices, a, 1)
  assert(a:equal(torch.Tensor {{3, 1, 2}}))
end)

t.test('ranks: NaN ranks behind every number', function()
  local a = torch.Tensor {0 / 0, 2, 1}
  t.equal(a:topk(1, 1, true)[1], 2.0)
  t.equal(a:topk(1, 1, false)[1], 1.0)
  t.equal(torch.median(a)[1], 2.0)
end)

t.test('ranks: wrong arguments are named', function()
  local a = torch.ones(2, 3)
  t.raises('kthvalue: k is 4, and dimension 2 has 3 elements', torch.kthvalue, a, 4)
  t.raises('topk: k is 0', torch.topk, a, 0)
  t.raises('expected ([values, indices,] tensor, k [, dimension])', torch.kthvalue, a)
  t.raises('dimension 3 out of range', torch.median, a, 3)
  t.raises('the tensor has no dimension', torch.mode, torch.Tensor())
  t.raises('median along a dimension without elements', torch.median, torch.zeros(2, 0))
  t.raises('do not mix', torch.kthvalue, torch.Tensor(), torch.Tensor(), a, 1)
  t.equal(torch.kthvalue(torch.zeros(0, 3), 1):nElement(), 0)
end)

t.done()
