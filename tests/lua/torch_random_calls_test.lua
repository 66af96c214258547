-- SPDX-License-Identifier: Apache-2.0
-- Calls everything with anything: each call must return or raise, whatever it is given, and say
-- nothing of an internal error. Most useful in a sanitized build (preload libasan). The seed is an
-- argument; a failure prints the one that was used.
local torch = require 'torch'
local t = require 'tap'
local reference = require 'reference'

local seed = tonumber(arg[1]) or os.time()
local calls = tonumber(arg[2]) or 20000
math.randomseed(seed)
local random = math.random

local function pick(list) return list[random(#list)] end

local numbers = {
  0, 1, -1, 2, 3, 1.5, -0.0, 1 / 0, -1 / 0, 0 / 0, math.maxinteger, math.mininteger, 2 ^ 53, 1e300,
  256, -129,
}
local pool = {}
for i = 1, 12 do pool[i] = torch.Tensor(2) end

--- A tensor, new or seen before, often a view.
local function any_tensor()
  if random() < 0.5 then return pick(pool) end
  local sizes = {}
  for i = 1, random(0, 3) do sizes[i] = random(0, 4) end
  local new = random() < 0.5 and torch.DoubleTensor or torch[pick(reference.types) .. 'Tensor']
  local tensor = new(table.unpack(sizes)):random(0, 3)
  local views = {
    function() return tensor:transpose(1, tensor:dim()) end,
    function() return tensor:narrow(1, 2, 1) end,
    function() return tensor:expand(2, table.unpack(sizes)) end,
    function() return tensor end,
  }
  local ok, view = pcall(pick(views))
  return ok and view or tensor
end

local makers = {
  any_tensor, any_tensor, any_tensor, any_tensor,
  function() return random(-1, 4) end,
  function() return random(-1, 4) end,
  function() return pick(numbers) end,
  function() return any_tensor():long() end,
  function() return any_tensor():gt(1) end,
  function() return any_tensor():storage() end,
  function() return {any_tensor(), any_tensor()} end,
  function() return {random(3), {random(3), random(4)}} end,
  function() return {{1, 2}, {3, random(2) == 1 and 4 or nil}} end,
  function() return pick {true, false, 'x', 'torch.FloatTensor', math.abs} end,
}
local function any_value() return pick(makers)() end

local operators = {
  function(a, b) return a + b end, function(a, b) return a - b end,
  function(a, b) return a * b end, function(a, b) return a / b end,
  function(a, b) return a ^ b end, function(a) return -a end,
  function(a) return #a end, function(a, b) return a[b] end,
  function(a, b, c) a[b] = c end, tostring,
}

--- Everything there is to call, as functions that take any arguments.
local function collect_functions()
  local functions = {}
  -- save() would write files of any name.
  local skipped = {class = true, setdefaulttensortype = true, seed = true, save = true}
  local sources = {torch, torch.getmetatable('torch.DoubleTensor')}
  for _, source in ipairs(sources) do
    local names = {}
    for name, value in pairs(source) do
      if type(value) == 'function' and not skipped[name] then names[#names + 1] = name end
    end
    table.sort(names)  -- so that a seed means the same in every process
    for _, name in ipairs(names) do functions[#functions + 1] = source[name] end
  end
  for _, operator in ipairs(operators) do functions[#functions + 1] = operator end
  for _, name in ipairs {'size', 'fill', 'copy', 'resize', 'string', 'totable', 'type'} do
    functions[#functions + 1] = function(...)
      local storage = any_tensor():storage()
      return storage[name](storage, ...)
    end
  end
  return functions
end

t.test(('every function: returns or raises, for any arguments (seed %d)'):format(seed), function()
  local functions = collect_functions()
  torch.manualSeed(seed)
  for _ = 1, calls do
    local arguments = {}
    local count = random(0, 5)
    for i = 1, count do arguments[i] = any_value() end
    local ok, result = pcall(pick(functions), table.unpack(arguments, 1, count))
    if ok and torch.isTensor(result) then pool[random(#pool)] = result end
    assert(ok or not tostring(result):find('std::'), result)
    for i, tensor in ipairs(pool) do  -- resize() and fill() may have made them large
      if tensor:nElement() > 5000 then pool[i] = torch.Tensor(2) end
    end
  end
end)

t.done()
