-- SPDX-License-Identifier: Apache-2.0
-- ipc.Parallel: a model's loss and gradients, computed for parts of a batch by several threads, as
-- with gluonnlp's Parallel. The weights are tensors, which all threads share; each result brings
-- its own gradients.
--   ipcrun-lua examples/threads/parallelizable.lua
local ipc, torch = require "ipc", require "torch"

torch.manualSeed(7)
local truth = torch.DoubleTensor { 2, -1, 0.5 }
local x = torch.DoubleTensor(400, 3):normal(0, 1)
local y = x * truth

-- Linear regression: the part of the loss, and of its gradient, of some rows.
local Regression = ipc.Parallelizable:extend()
function Regression:forward_backward(x, y)
  local difference = x * self.weights - y
  return (difference * difference) / 2, x:t() * difference
end

-- What `n` workers make of it: the loss after some steps of gradient descent.
local function train(n)
  local model = Regression:new { weights = torch.DoubleTensor(3):zero() }
  local parallel <close> = ipc.Parallel(n, model, { ordered = true })
  local loss
  for _ = 1, 200 do
    for part = 1, 4 do
      parallel:put(x:narrow(1, 100 * (part - 1) + 1, 100), y:narrow(1, 100 * (part - 1) + 1, 100))
    end
    loss = 0
    local gradient = torch.DoubleTensor(3):zero()
    for _ = 1, 4 do
      local part_loss, part_gradient = parallel:get()
      loss = loss + part_loss
      gradient:add(part_gradient)
    end
    model.weights:add(-0.5 / 400, gradient)
  end
  return loss, model.weights
end

local serial_loss, serial = train(0)
local loss, weights = train(2)
print(("weights %.3f %.3f %.3f, loss %.1e"):format(weights[1], weights[2], weights[3], loss))
local is_same = loss == serial_loss and torch.all(weights:eq(serial))
print("the same bits as without threads: " .. tostring(is_same))

-- A function does as well. An error in a worker is raised where its result is asked for.
local squares <close> = ipc.Parallel(2, function(number) return number * number end,
  { serial_init = false })
for number = 1, 3 do squares:put(number) end
squares:put("three")
local sum, problem = 0, nil
for _ = 1, 4 do
  local good, result = pcall(squares.get, squares)
  if good then sum = sum + result else problem = result end
end
print("sum of squares " .. sum)
print("and one failed: " .. problem:match("attempt to %a+"))
