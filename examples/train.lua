-- SPDX-License-Identifier: Apache-2.0
-- Trains a small neural network on handwritten digits, data-parallel: every rank works on its share
-- of each batch, the gradients are summed over all ranks, and all ranks take the same step.
--
--   ipcrun -n 8 examples/train.lua [--epochs N] [--batch N] [--rate X] [--hidden N] [--seed N]
--                                  [--type float|double] [--data FILE] [--losses]
--
-- The result does not depend on the number of ranks, but for rounding. --losses prints the loss of
-- every epoch with all its digits, to show it.
local ipc = require "ipc"
local torch = require "torch"
local world = ipc.world()

-- Options ---------------------------------------------------------------------------------------

local options = {
  epochs = 30, batch = 128, rate = 0.3, hidden = 64, seed = 1, type = "float",
  data = (arg[0]:match("^(.*)/") or ".") .. "/data/digits.csv", losses = false,
}

local function usage(message)
  if world.rank == 0 then io.stderr:write("train.lua: ", message, "\n") end
  os.exit(2, true)
end

local function read_options()
  local i = 1
  while arg[i] do
    local name = arg[i]:match("^%-%-(.+)$")
    local default = name and options[name]
    if default == nil then usage("no such option: " .. arg[i]) end
    if default == false then
      options[name], i = true, i + 1
    else
      local value = arg[i + 1]
      if math.type(default) then value = math.tointeger(tonumber(value)) or tonumber(value) end
      if value == nil or (math.type(default) and value <= 0) then
        usage(("%s needs a value like %s, not '%s'"):format(arg[i], default, arg[i + 1]))
      end
      options[name], i = value, i + 2
    end
  end
  local types = { float = "torch.FloatTensor", double = "torch.DoubleTensor" }
  if not types[options.type] then usage("--type must be float or double") end
  torch.setdefaulttensortype(types[options.type])
end

-- Data ------------------------------------------------------------------------------------------

-- Lines of 64 pixels (0 to 16) and a label (0 to 9); shuffled by the seed, the same on all ranks.
local function read_digits(path)
  local file = assert(io.open(path))
  local rows = {}
  for line in file:lines() do
    local row = {}
    for number in line:gmatch("[^,]+") do row[#row + 1] = tonumber(number) end
    rows[#rows + 1] = row
  end
  file:close()
  local order = torch.randperm(#rows)
  local pixels, labels = torch.Tensor(#rows, 64), torch.LongTensor(#rows)
  local all = torch.Tensor(rows)
  for i = 1, #rows do
    pixels[i] = all[order[i]]:narrow(1, 1, 64)
    labels[i] = rows[order[i]][65] + 1
  end
  return pixels:mul(1 / 16), labels
end

-- The rows first..last that are this rank's share of `count` rows beginning at `start`.
local function share(start, count)
  local first = start + count * world.rank // world.size
  local last = start + count * (world.rank + 1) // world.size - 1
  return first, last - first + 1
end

-- Model: 64 pixels -> hidden (tanh) -> 10 classes (softmax) ---------------------------------------

local function create_model()
  local function weights(inputs, outputs)
    return torch.randn(inputs, outputs):mul(1 / math.sqrt(inputs))
  end
  return {
    w1 = weights(64, options.hidden), b1 = torch.zeros(1, options.hidden),
    w2 = weights(options.hidden, 10), b2 = torch.zeros(1, 10),
  }
end

local function predict(model, x)
  local n = x:size(1)
  local hidden = torch.tanh(torch.mm(x, model.w1):add(model.b1:expand(n, options.hidden)))
  local scores = torch.mm(hidden, model.w2):add(model.b2:expand(n, 10))
  scores:add(-1, torch.max(scores, 2):expand(n, 10)):exp()
  scores:cdiv(torch.sum(scores, 2):expand(n, 10))
  return scores, hidden
end

-- Adds up the gradients and the loss over the rows given; nothing for no rows.
local function backward(model, x, labels, gradients)
  for _, gradient in pairs(gradients) do gradient:zero() end
  local n = x and x:size(1) or 0
  if n == 0 then return 0 end
  local scores, hidden = predict(model, x)
  local loss = 0
  for i = 1, n do
    loss = loss - math.log(scores[i][labels[i]])
    scores[i][labels[i]] = scores[i][labels[i]] - 1
  end
  gradients.w2:mm(hidden:t(), scores)
  gradients.b2:sum(scores, 1)
  local back = torch.mm(scores, model.w2:t()):cmul(torch.cmul(hidden, hidden):mul(-1):add(1))
  gradients.w1:mm(x:t(), back)
  gradients.b1:sum(back, 1)
  return loss
end

-- The share of rows, of those held out, that the model gets right; every rank looks at its share.
local function accuracy(model, pixels, labels, start, count)
  local first, n = share(start, count)
  local right = 0
  if n > 0 then
    local _, best = torch.max(predict(model, pixels:narrow(1, first, n)), 2)
    right = torch.eq(best:view(n), labels:narrow(1, first, n)):sum()
  end
  return world:allreduce(right) / count
end

-- Training --------------------------------------------------------------------------------------

local terminal = os.getenv("IPCRUN_TERMINAL") ~= nil

local function show_progress(epoch, done, total)
  if not terminal or world.rank ~= 0 then return end
  local width = 30
  local filled = width * done // total
  io.write(("epoch %3d [%s%s]\r"):format(epoch, ("="):rep(filled), (" "):rep(width - filled)))
end

local function train_epoch(model, gradients, pixels, labels, order, epoch)
  local loss, samples = 0, order:size(1)
  for start = 1, samples, options.batch do
    local count = math.min(options.batch, samples - start + 1)
    local first, n = share(start, count)
    local x, y
    if n > 0 then
      local rows = order:narrow(1, first, n)
      x, y = pixels:index(1, rows), labels:index(1, rows)
    end
    gradients.loss = backward(model, x, y, gradients.weights)
    world:allreduce(gradients)
    loss = loss + gradients.loss
    for name, weight in pairs(model) do
      weight:add(-options.rate / count, gradients.weights[name])
    end
    show_progress(epoch, start + count - 1, samples)
  end
  return loss / samples
end

read_options()
torch.manualSeed(options.seed)
local pixels, labels = read_digits(options.data)
local rows = pixels:size(1)
local held_out = rows // 5
local training = rows - held_out
local model = create_model()
world:broadcast(model)

local gradients = { loss = 0, weights = {} }
for name, weight in pairs(model) do gradients.weights[name] = weight:clone():zero() end

local final
for epoch = 1, options.epochs do
  local start = ipc.clock()
  local order = torch.randperm(training):long()
  local loss = train_epoch(model, gradients, pixels, labels, order, epoch)
  local seconds = ipc.clock() - start
  final = accuracy(model, pixels, labels, training + 1, held_out)
  if world.rank == 0 then
    print(("epoch %3d  loss %s  accuracy %.4f  %.0f samples/s"):format(
      epoch, (options.losses and "%.17g" or "%.5f"):format(loss), final, training / seconds))
  end
end
if world.rank == 0 then print(("accuracy %.4f"):format(final)) end
