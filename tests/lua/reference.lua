-- SPDX-License-Identifier: Apache-2.0
--- Plain Lua loops that the tensor tests compare with.
local torch = require 'torch'
local t = require 'tap'

local reference = {}

reference.types = {'Byte', 'Char', 'Short', 'Int', 'Long', 'Half', 'BFloat16', 'Float', 'Double'}
reference.floating = {'Half', 'BFloat16', 'Float', 'Double'}
--- The relative error of one rounded operation.
reference.tolerance = {Half = 2e-3, BFloat16 = 1.6e-2, Float = 2e-6, Double = 1e-12}

--- The elements in row-major order as a list.
function reference.flatten(tensor)
  local list = {}
  local function walk(value)
    if type(value) ~= 'table' then
      list[#list + 1] = value
      return
    end
    for _, element in ipairs(value) do walk(element) end
  end
  walk(tensor:totable())
  return list
end

--- A tensor of `type` with small values, no zeros.
function reference.sample(type, ...)
  local tensor = torch[type .. 'Tensor'](...)
  local signed = type ~= 'Byte'
  local whole = torch.isTensor(tensor) and not reference.tolerance[type]
  return tensor:apply(function()
    local value = whole and math.random(1, 9) or math.random() * 4 + 0.25
    return signed and math.random() < 0.5 and -value or value
  end)
end

--- Several tensors of one size and type that lie differently in memory.
function reference.layouts(type, rows, columns)
  local sample = reference.sample
  return {
    contiguous = sample(type, rows, columns),
    transposed = sample(type, columns, rows):t(),
    narrowed = sample(type, rows + 2, columns + 3):narrow(1, 2, rows):narrow(2, 3, columns),
    strided = sample(type, rows, columns, 2):select(3, 2),
    row_expanded = sample(type, 1, columns):expand(rows, columns),
    column_expanded = sample(type, rows, 1):expand(rows, columns),
  }
end

--- Compares every element with f(i-th elements of the inputs...).
function reference.check(result, tolerance, what, f, ...)
  local inputs = {...}
  for i, input in ipairs(inputs) do inputs[i] = reference.flatten(input) end
  local got = reference.flatten(result)
  t.equal(#got, #inputs[1], what .. ': element count')
  for i = 1, #got do
    t.near(got[i], f(inputs[1][i], inputs[2] and inputs[2][i]), tolerance, what)
  end
end

return reference
