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

t.done()
