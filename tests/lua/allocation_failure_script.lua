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
local batch = torch.ones(2, 2, 2)
local new_parts = {
  a:permute(2, 1), a:unfold(2, 2, 1), a:repeatTensor(2, 1), a:split(2), torch.chunk(a, 2, 2),
  torch.reshape(torch.Tensor(), a, 12), torch.tril(a), a:triu(1), torch.diag(a), a[1]:diag(),
  mask:nonzero(), torch.gather(torch.Tensor(), a, 1, index:view(1, 2)), a.new(2, 2),
  torch.maskedSelect(torch.Tensor(), a, mask), torch.cross(torch.ones(3), torch.ones(3)),
  torch.addcmul(a, 2, a, b), torch.addcdiv(a:half(), b:half(), b:half()), torch.lerp(a, b, 0.5),
  torch.bmm(batch, batch), torch.baddbmm(batch, batch, batch), torch.logspace(0, 1, 3),
  torch.addbmm(torch.ones(2, 2), batch, batch), torch.zerosLike(a), torch.eye(torch.Tensor(), 2),
  torch.multinomial(torch.ones(3), 2), torch.multinomial(torch.ones(2, 3), 2, true),
  torch.Tensor(3):bernoulli(torch.ones(3)), torch.Tensor(3):cauchy(), torch.rand(torch.Tensor(), 2),
  torch.atan2(a, b), torch.fmod(a, b), torch.log1p(mask:double()), torch.trace(batch[1]),
  torch.dist(a, b), torch.bernoulli(0.5), torch.geometric(0.5), a:isSetTo(b),
  torch.ones(2):map(torch.ones(2), function(x, y) return x + y end),
}
new_parts[#new_parts + 1] = {a:topk(2), a:kthvalue(1), a:median(), a:mode(1)}
torch.zeros(3, 2):indexAdd(1, index, torch.ones(2, 2))
torch.zeros(3, 2):scatterAdd(1, index:view(1, 2), torch.ones(1, 2))
local Saved = torch.class('Saved', {})
local object = Saved()
object.tensors = {a, a:t(), a:storage(), torch.Tensor(), object, 'text', 1.5, true, [0.5] = {}}
for _, format in ipairs {'binary', 'ascii'} do
  local bytes = torch.serialize(object, format)
  local read = torch.deserialize(bytes, format)
  assert(read.tensors[5] == read and read.tensors[1]:size(1) == 3)
  assert(not pcall(torch.deserialize, bytes:sub(1, -9), format))
end
torch.save('/dev/null', object)
assert(not pcall(torch.load, '/dev/null'))
assert(not pcall(torch.serialize, {print}))
assert(not pcall(torch.deserialize, 'nonsense'))
assert(not pcall(torch.IntTensor, {1e20}))
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
function Class.__tostring__() return 'text' end
torch.class('Derived', 'Class')
assert(tostring(torch.factory('Derived')()) == 'text' and torch.isTypeOf(Class(1), 'Class'))
local cmd = torch.CmdLine()
cmd:option('-n', 1)
assert(cmd:parse({'-n', '2'}).n == 2 and torch.Timer():time().real >= 0)
assert(('a,b'):split(',')[2] == 'b')
assert(not pcall(torch.add, a, 'x'))
assert(not pcall(torch.mm, a, torch.ones(7, 7)))
assert(not pcall(torch.Tensor, {{1}, {1, 2}}))
assert(not pcall(a.view, a, 5))
assert(not pcall(function() return a[9] end))
