-- SPDX-License-Identifier: Apache-2.0
-- A call of every kind, small: run by allocation_failure_test under an allocator that fails.
local torch = require "torch"
torch.manualSeed(1)
local a, b = torch.randn(3, 4), torch.FloatTensor(3, 4):uniform():double()
local index = torch.LongTensor {2, 1}
local mask = a:gt(0)
local parts = {
  a + b, 2 - a, -a, a * b:t(), a:t():clone(), a[2], a[{{1, 2}, 3}], a[mask], a:view(-1),
  a:expand(2, 3, 4), a:index(1, index), a:narrow(2, 1, 2), a:transpose(1, 2), a:squeeze(),
  a:unsqueeze(1), a:reshape(4, 3), a:half(), a:long(), a:byte(), a:float():typeAs(a),
  a:sum(1), a:mean(2), a:std(1), a:norm(2, 1), a:all(1), torch.cat(a, b, 1), torch.cat({a, b}),
  torch.mm(a, b:t()), torch.mv(a, b[1]), torch.ger(a[1], b[1]), torch.addmm(a * b:t(), a, b:t()),
  torch.eye(3), torch.range(1, 5), torch.linspace(0, 1, 3), torch.randperm(4),
  torch.zeros(a:size()), torch.exp(a), torch.clamp(a, 0, 1), torch.pow(a, 3), torch.eq(a, b),
  torch.cumsum(a, 1), a:gather(1, index:view(1, 2)), a:clone():scatter(1, index:view(1, 2), 5),
  torch.Tensor {{1, 2}, {3, 4}}, torch.Tensor(a:storage(), 2, torch.LongStorage {2, 2}),
  torch.ByteStorage():string('ping'), torch.LongStorage {1, 2}:resize(5), a:storage(), #a,
  a:stride(), torch.HalfTensor {1, 2}:add(1), torch.HalfTensor {1, 2}:sum(),
}
parts[#parts + 1] = {a:max(1), a:min(2), a:sort(1, true), tostring(a),
  tostring(a:size()), a:totable()}
a[1] = 3
a[{2, {1, 2}}] = torch.ones(2)
a[mask] = 0
a:maskedFill(mask, 1):add(1, b):mul(2):cdiv(b):copy(b):fill(1):resize(5, 5):set(b)
a:indexCopy(1, index, torch.ones(2, 4)):indexFill(1, index, 2):apply(function(x) return x + 1 end)
local Class = torch.class('Class')
function Class:__init(x) self.x = x end
assert(torch.type(Class(1)) == 'Class' and torch.typename(a) == 'torch.DoubleTensor')
assert(not pcall(torch.add, a, 'x'))
assert(not pcall(torch.mm, a, torch.ones(7, 7)))
assert(not pcall(torch.Tensor, {{1}, {1, 2}}))
assert(not pcall(a.view, a, 5))
assert(not pcall(function() return a[9] end))
