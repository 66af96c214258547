-- SPDX-License-Identifier: Apache-2.0
-- Numbers without a fraction are sizes, indices and dimensions, also as floats: math.pow and
-- divisions of scripts for Lua 5.1 give floats.
local torch = require 'torch'
local t = require 'tap'

t.test('floats: are sizes of tensors and storages', function()
  for _, name in ipairs {'Tensor', 'LongTensor', 'zeros', 'ones', 'rand', 'randn'} do
    t.equal(torch[name](4.0):size(1), 4, name)
  end
  t.equal(torch.Tensor(2.0, 3.0):nElement(), 6)
  t.equal(torch.ByteStorage(4.0):size(), 4)
  t.equal(torch.LongTensor({2.0})[1], 2)
  t.equal(torch.eye(3.0):sum(), 3.0)
  t.equal(torch.randperm(4.0):size(1), 4)
end)

t.test('floats: are indices', function()
  local tensor = torch.zeros(4, 2)
  tensor[2.0][1.0] = 5
  t.equal(tensor[2][1], 5.0)
  t.equal(tensor[{2.0, 1.0}], 5.0)
  t.equal(tensor[{{2.0, 3.0}, 1.0}]:sum(), 5.0)
  local storage = torch.LongStorage(2)
  storage[2.0] = 7.0
  t.equal(storage[2.0], 7)
end)

t.test('floats: are dimensions and ranges', function()
  local tensor = torch.ones(4, 2)
  t.equal(tensor:size(1.0), 4)
  t.equal(tensor:stride(2.0), 1)
  t.equal(tensor:narrow(1.0, 2.0, 3.0):sum(), 6.0)
  t.equal(tensor:sub(1.0, 2.0, 1.0, 1.0):sum(), 2.0)
  t.equal(tensor:select(2.0, 1.0):sum(), 4.0)
  t.equal(tensor:sum(1.0)[1][2], 4.0)
  t.equal(tensor:transpose(1.0, 2.0):size(1), 2)
  t.equal(tensor:view(8.0):size(1), 8)
  t.equal(tensor:reshape(2.0, 4.0):size(2), 4)
  t.equal(tensor:resize(1.0, 8.0):size(2), 8)
end)

t.test('floats: with a fraction are errors', function()
  t.raises('a size', torch.zeros, 1.5)
  t.raises('no integer representation', torch.zeros(2).size, torch.zeros(2), 1.5)
end)

t.test('zero: a tensor without elements can be made, filled and summed', function()
  local empty = torch.randn(0)
  t.equal(empty:nElement(), 0)
  t.equal(empty:fill(1):sum(), 0.0)
end)

t.test('sort: the values, then where they were', function()
  local values, places = torch.LongTensor({30, 10, 20}):sort()
  t.equal(values[1], 10)
  t.equal(places[1], 2)
  t.equal(torch.type(places), 'torch.LongTensor')
end)

t.test('resizeAs, typeAs: take the shape, and the type, of another', function()
  local like = torch.FloatTensor(2, 3)
  local taken = torch.LongTensor(1):fill(7):typeAs(like):resizeAs(like)
  t.equal(torch.type(taken), 'torch.FloatTensor')
  t.equal(taken:size(2), 3)
end)

t.done()
