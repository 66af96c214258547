-- SPDX-License-Identifier: Apache-2.0
-- Random numbers: ranges, moments, seeds.
local torch = require 'torch'
local t = require 'tap'

torch.manualSeed(5)

t.test('manualSeed: the same seed gives the same numbers', function()
  torch.manualSeed(1)
  local a, b, c = torch.randn(10), torch.random(1, 1000000), torch.randperm(20)
  torch.manualSeed(1)
  assert(a:equal(torch.randn(10)))
  t.equal(torch.random(1, 1000000), b)
  assert(torch.randperm(20):equal(c))
  torch.manualSeed(2)
  assert(not a:equal(torch.randn(10)))
end)

t.test('manualSeed: layouts do not change what an index gets', function()
  torch.manualSeed(1)
  local a = torch.rand(3, 4)
  torch.manualSeed(1)
  assert(torch.Tensor(4, 3):t():uniform():equal(a))
end)

t.test('seed: returns a seed that gives the same again', function()
  local seed = torch.seed()
  local a = torch.rand(5)
  torch.manualSeed(seed)
  assert(torch.rand(5):equal(a))
end)

t.test('rand and uniform: inside the interval, its end excluded, with the right mean', function()
  for _, type in ipairs {'Half', 'BFloat16', 'Float', 'Double'} do
    local a = torch.rand(torch[type .. 'Tensor'](), 20000)
    assert(a:min() >= 0 and a:max() < 1, type)
    t.near(a:mean(), 0.5, 0.02, type)
    a:uniform(-3, 5)
    assert(a:min() >= -3 and a:max() < 5, type)
    t.near(a:mean(), 1, 0.1, type)
  end
  t.raises('is above', torch.Tensor(1).uniform, torch.Tensor(1), 2, 1)
end)

t.test('randn and normal: mean and deviation', function()
  local a = torch.randn(200, 100)
  t.near(a:mean(), 0, 0.03)
  t.near(a:std(), 1, 0.03)
  a:normal(5, 2)
  t.near(a:mean(), 5, 0.02)
  t.near(a:std(), 2, 0.03)
  t.raises('is negative', a.normal, a, 0, -1)
end)

t.test('random: integers in the interval, both ends reached', function()
  local a = torch.LongTensor(1000):random(3, 6)
  t.equal(a:min(), 3)
  t.equal(a:max(), 6)
  for _ = 1, 100 do
    local x = torch.random(2, 3)
    assert(math.type(x) == 'integer' and x >= 2 and x <= 3)
  end
  assert(torch.ByteTensor(1000):random():max() <= 255)
  assert(torch.LongTensor(100):random(9):max() <= 9)
  t.raises('the interval is empty', torch.random, 3, 2)
end)

t.test('bernoulli: ones as often as asked', function()
  local a = torch.ByteTensor(10000):bernoulli(0.3)
  assert(a:max() == 1 and a:min() == 0)
  t.near(a:sum() / 10000, 0.3, 0.03)
  t.raises('not between 0 and 1', a.bernoulli, a, 2)
end)

t.test('randperm: every number once', function()
  local sorted = torch.sort(torch.randperm(50))
  assert(sorted:equal(torch.range(1, 50)))
  t.equal(torch.randperm(0):nElement(), 0)
end)

t.test('multinomial: draws in proportion, without replacement each once', function()
  torch.manualSeed(7)
  local p = torch.FloatTensor {1, 1, 0.5, 0}
  local a = torch.multinomial(p, 10000, true)
  t.equal(a:type(), 'torch.LongTensor')
  for i, expected in ipairs {0.4, 0.4, 0.2, 0} do
    t.near(a:eq(i):sum() / 10000, expected, 0.03)
  end
  local firsts = 0
  for _ = 1, 2000 do
    local order = p:multinomial(3)
    t.equal(torch.sort(order):sum(), 6)
    if order[1] == 3 then firsts = firsts + 1 end
  end
  t.near(firsts / 2000, 0.2, 0.05)
  local rows = torch.multinomial(torch.Tensor {{0, 1}, {1, 0}}:t(), 4, true)
  assert(rows:equal(torch.LongTensor {{2, 2, 2, 2}, {1, 1, 1, 1}}))
  local result = torch.LongTensor()
  t.equal(p.multinomial(result, p, 2), result)
  t.equal(result:size(1), 2)
end)

t.test('multinomial: refuses what are no probabilities', function()
  t.raises('multinomial: -1 is no probability', torch.multinomial, torch.Tensor {1, -1}, 1)
  t.raises('sum to 0', torch.multinomial, torch.zeros(2), 1)
  t.raises('nan is no probability', torch.multinomial, torch.Tensor {(0 / 0) * -1}, 1)
  t.raises('3 draws without replacement from 2 elements', torch.multinomial,
           torch.Tensor {1, 1, 0}, 3)
  t.raises('nothing to draw from', torch.multinomial, torch.zeros(2, 0), 1)
  t.raises('expected a vector or a matrix', torch.multinomial, torch.ones(1, 1, 1), 1)
end)

t.test('bernoulli: by one probability, or one for every element', function()
  torch.manualSeed(8)
  t.near(torch.IntTensor(10000):bernoulli(0.3):sum() / 10000, 0.3, 0.03)
  assert(torch.ByteTensor(4):bernoulli(torch.Tensor {0, 1, 1, 0}):equal(
    torch.ByteTensor {0, 1, 1, 0}))
  t.equal(torch.bernoulli(1), 1)
  t.equal(torch.bernoulli(0), 0)
  t.raises('sizes 2 and 3 differ', torch.Tensor(2).bernoulli, torch.Tensor(2), torch.ones(3))
  t.raises('not between 0 and 1', torch.bernoulli, 2)
  t.raises('probability 2 is not', torch.Tensor(2).bernoulli, torch.Tensor(2),
           torch.Tensor {0, 2})
end)

t.test('exponential, geometric, cauchy, logNormal: their means or medians', function()
  torch.manualSeed(9)
  local a = torch.Tensor(20000)
  t.near(a:exponential(2):mean(), 0.5, 0.02)
  t.near(a:geometric(0.25):mean(), 4, 0.05)
  assert(a:min() >= 1)
  t.near(a:logNormal(3, 0.5):mean(), 3, 0.02)
  t.near(torch.median(a:cauchy(5, 1))[1], 5, 0.02)
  for _, name in ipairs {'exponential', 'logNormal', 'cauchy'} do
    t.equal(math.type(torch[name](1, 1)), 'float')
  end
  assert(torch.geometric(0.5) >= 1)
  t.raises('expected a number above 0, got 0', torch.exponential, 0)
  t.raises('is not between 0 and 1', a.geometric, a, 1)
end)

t.test('rand, randn, randperm: into a given result', function()
  local a = torch.FloatTensor()
  t.equal(torch.rand(a, 3, 2), a)
  t.equal(a:randn(5), a)
  t.equal(a:size(1), 5)
  local order = torch.LongTensor()
  t.equal(torch.randperm(order, 6), order)
  assert(torch.sort(order):equal(torch.LongTensor {1, 2, 3, 4, 5, 6}))
  t.raises('does not fit into a torch.ByteTensor', torch.randperm, torch.ByteTensor(), 256)
end)

t.done()
