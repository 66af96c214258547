-- SPDX-License-Identifier: Apache-2.0
-- tostring() of tensors and storages: torch7's layout.
local torch = require 'torch'
local t = require 'tap'

local function prints(tensor, expected)
  t.equal(tostring(tensor), expected)
end

t.test('print: vectors, one element a line', function()
  prints(torch.Tensor {1, 2, 30}, '  1\n  2\n 30\n[torch.DoubleTensor of size 3]\n')
  prints(torch.FloatTensor {0.5, -1.25},
         ' 0.5000\n-1.2500\n[torch.FloatTensor of size 2]\n')
  prints(torch.LongTensor {math.maxinteger, -1},
         ' 9223372036854775807\n                  -1\n[torch.LongTensor of size 2]\n')
end)

t.test('print: matrices, in columns', function()
  prints(torch.Tensor {{1, 2}, {3, -4}}, ' 1  2\n 3 -4\n[torch.DoubleTensor of size 2x2]\n')
  prints(torch.Tensor {{1, 2}, {3, -4}}:t(), ' 1  3\n 2 -4\n[torch.DoubleTensor of size 2x2]\n')
end)

t.test('print: a common scale, or exponents when magnitudes differ', function()
  prints(torch.Tensor {123456.5, 234567.5},
         '100000 *\n 1.2346\n 2.3457\n[torch.DoubleTensor of size 2]\n')
  prints(torch.Tensor {1e-9, 1.5},
         ' 1.0000e-09\n 1.5000e+00\n[torch.DoubleTensor of size 2]\n')
  prints(torch.Tensor {1e12, 2}, ' 1.0000e+12\n 2.0000e+00\n[torch.DoubleTensor of size 2]\n')
end)

t.test('print: wide matrices are split into groups of columns', function()
  local text = tostring(torch.ones(2, 60))
  t.equal(text:match('^(.-)\n'), 'Columns 1 to 26')
  assert(text:find('Columns 53 to 60\n', 1, true))
  for line in text:gmatch('[^\n]+') do assert(#line <= 80) end
end)

t.test('print: higher dimensions, slice by slice', function()
  prints(torch.ones(2, 1, 2),
         '(1,.,.) = \n  1  1\n\n(2,.,.) = \n  1  1\n[torch.DoubleTensor of size 2x1x2]\n')
  assert(tostring(torch.ones(2, 2, 2, 2)):find('(2,1,.,.) = \n', 1, true))
end)

t.test('print: empty tensors, infinities and NaN', function()
  prints(torch.Tensor(), '[torch.DoubleTensor with no dimension]\n')
  prints(torch.FloatTensor(3, 0), '[torch.FloatTensor of size 3x0]\n')
  assert(tostring(torch.Tensor {1 / 0, 0 / 0, 1}):find('inf', 1, true))
end)

t.test('print: infinities and NaN keep the columns', function()
  prints(torch.Tensor {{1, 1 / 0}, {-1 / 0, 0 / 0}},
         '   1  inf\n-inf  nan\n[torch.DoubleTensor of size 2x2]\n')
  prints(torch.Tensor {0.5, -(0 / 0), -1 / 0},
         ' 0.5000\n    nan\n   -inf\n[torch.DoubleTensor of size 3]\n')
  prints(torch.FloatTensor {0 / 0}, ' nan\n[torch.FloatTensor of size 1]\n')
end)

t.test('print: storages', function()
  prints(torch.LongStorage {3, 4}, ' 3\n 4\n[torch.LongStorage of size 2]\n')
end)

t.done()
