-- SPDX-License-Identifier: Apache-2.0
-- Trains a small neural network on handwritten digits, data-parallel: every rank works on its share
-- of each batch, the gradients are summed over all ranks, and all ranks take the same step.
--
--   ipcrun -n 8 examples/train.lua [--epochs N] [--batch N] [--rate X] [--hidden N] [--seed N]
--                                  [--type float|double] [--data FILE] [--losses] [--tree MODULE]
--
-- The result does not depend on the number of ranks, but for rounding. --losses prints the loss of
-- every epoch with all its digits, to show it. --tree ipc.SlurmTree goes over a tree of torch-ipc's
-- instead of the world.
local ipc = require "ipc"
local torch = require "torch"
local world = ipc.world()

-- Options ---------------------------------------------------------------------------------------

local options = {
  epochs = 80, batch = 32, rate = 0.5, hidden = 96, seed = 1, type = "float",
  data = (arg[0]:match("^(.*)/") or ".") .. "/data/digits.csv", losses = false, tree = "",
}
local tensor_types <const> = { float = "torch.FloatTensor", double = "torch.DoubleTensor" }

-- What this needs of a world, over a tree.
local function world_over(tree)
  local function add(mine, theirs)
    return type(mine) == "number" and mine + theirs or mine:add(theirs)
  end
  return {
    rank = tree.nodeIndex - 1, size = tree.numNodes,
    allreduce = function(_, value) return (tree.allReduce(value, add)) end,
    broadcast = function(_, value) return tree.scatter(value) end,
  }
end

-- All ranks stop at the same place: one of them says why.
local function stop(message, ...)
  if world.rank == 0 then io.stderr:write("train.lua: ", message:format(...), "\n") end
  world:barrier()
  os.exit(2, true)
end

-- The value of an option from its text: of the kind that its default is, or nil.
local function parse(text, default)
  if type(default) == "string" then return text end
  local number = tonumber(text)
  if math.type(default) == "integer" then number = number and math.tointeger(number) end
  if number and number > 0 and number < math.huge then return number end
end

local function read_options()
  local i = 1
  while arg[i] do
    local name = arg[i]:match("^%-%-(.+)$")
    local default = name and options[name]
    if default == nil then stop("no such option: %s (see the head of %s)", arg[i], arg[0]) end
    if type(default) == "boolean" then
      options[name], i = true, i + 1
    else
      local value = parse(arg[i + 1], default)
      if value == nil then
        stop("%s needs a value like %s, not %s", arg[i], default, arg[i + 1] or "nothing")
      end
      options[name], i = value, i + 2
    end
  end
  if not tensor_types[options.type] then stop("--type is float or double, not %s", options.type) end
end

-- Data ------------------------------------------------------------------------------------------

-- Lines of 64 pixels (0 to 16) and a label (0 to 9); shuffled by the seed, the same on all ranks.
local function read_digits(path)
  local file, reason = io.open(path)
  if not file then stop("--data %s", reason) end
  local rows = {}
  for line in file:lines() do
    local row = {}
    for number in line:gmatch("[^,]+") do row[#row + 1] = tonumber(number) end
    if #row ~= 65 then stop("--data %s: line %d is not 65 numbers", path, #rows + 1) end
    rows[#rows + 1] = row
  end
  file:close()
  if #rows < 5 then stop("--data %s: %d lines are too few to train on", path, #rows) end
  local all = torch.Tensor(rows):index(1, torch.randperm(#rows):long())
  return all:narrow(2, 1, 64):clone():mul(1 / 16), all:select(2, 65):long():add(1)
end

-- The images moved by a pixel down and right, or up and left where it is -1.
local function moved(pixels, down, right)
  local from, to = pixels:view(-1, 8, 8), torch.zeros(pixels:size(1), 8, 8)
  local function overlap(images, y, x)
    return images:narrow(2, 1 + math.max(y, 0), 8 - math.abs(y))
      :narrow(3, 1 + math.max(x, 0), 8 - math.abs(x))
  end
  overlap(to, down, right):copy(overlap(from, -down, -right))
  return to:view(-1, 64)
end

-- The rows that are this rank's share of `count` rows beginning at `start`: the first, how many.
local function share(start, count)
  local first = start + count * world.rank // world.size
  return first, start + count * (world.rank + 1) // world.size - first
end

-- Model: 64 pixels -> hidden (tanh) -> 10 classes (softmax) -------------------------------------

local function create_model()
  local function weights(inputs, outputs)
    return torch.randn(inputs, outputs):mul(1 / math.sqrt(inputs))
  end
  return {
    w1 = weights(64, options.hidden), b1 = torch.zeros(1, options.hidden),
    w2 = weights(options.hidden, 10), b2 = torch.zeros(1, 10),
  }
end

-- The probability of each class, row by row; and the values of the hidden layer.
local function predict(model, x)
  local n = x:size(1)
  local hidden = torch.tanh(torch.mm(x, model.w1):add(model.b1:expand(n, options.hidden)))
  local scores = torch.mm(hidden, model.w2):add(model.b2:expand(n, 10))
  scores:add(-1, torch.max(scores, 2):expand(n, 10)):exp()
  return scores:cdiv(torch.sum(scores, 2):expand(n, 10)), hidden
end

-- Sets the gradients to their sums over the rows given; returns the sum of the losses.
local function backward(model, x, labels, gradients)
  local error, hidden = predict(model, x)  -- error: the probabilities, less 1 at the labels
  local loss = 0
  for i = 1, x:size(1) do
    local row, label = error[i], labels[i]
    loss = loss - math.log(row[label])
    row[label] = row[label] - 1
  end
  gradients.w2:mm(hidden:t(), error)
  gradients.b2:sum(error, 1)
  local back = torch.mm(error, model.w2:t()):cmul(torch.cmul(hidden, hidden):mul(-1):add(1))
  gradients.w1:mm(x:t(), back)
  gradients.b1:sum(back, 1)
  return loss
end

-- The share of the rows that the model gets right; every rank looks at some of them.
local function accuracy(model, pixels, labels)
  local count = labels:size(1)
  local first, n = share(1, count)
  local right = 0
  if n > 0 then
    local _, best = torch.max(predict(model, pixels:narrow(1, first, n)), 2)
    right = torch.eq(best:view(n), labels:narrow(1, first, n)):sum()
  end
  return world:allreduce(right) / count
end

-- Training --------------------------------------------------------------------------------------

local has_terminal <const> = os.getenv("IPCRUN_TERMINAL") ~= nil

local function show_progress(epoch, done, total)
  local width = 30
  local bar = ("="):rep(width * done // total)
  io.stdout:write(("epoch %3d [%-" .. width .. "s]\r"):format(epoch, bar)):flush()
end

-- One pass over all rows. Every other batch or so takes its images moved by a pixel, which teaches
-- more than there is. Ranks draw the same random numbers, so they agree on order and moves.
local function train_epoch(model, sums, pixels, moves, labels, epoch)
  local samples = labels:size(1)
  local order = torch.randperm(samples):long()
  local rate = options.rate * (1 - (epoch - 1) / options.epochs)
  local loss = 0
  for start = 1, samples, options.batch do
    local count = math.min(options.batch, samples - start + 1)
    local images = torch.random(2) == 1 and pixels or moves[torch.random(#moves)]
    local first, n = share(start, count)
    if n > 0 then
      local rows = order:narrow(1, first, n)
      sums.loss = backward(model, images:index(1, rows), labels:index(1, rows), sums.gradients)
    else
      sums.loss = 0.0
      for _, gradient in pairs(sums.gradients) do gradient:zero() end
    end
    world:allreduce(sums)
    loss = loss + sums.loss
    for name, weight in pairs(model) do weight:add(-rate / count, sums.gradients[name]) end
    if has_terminal and world.rank == 0 then
      show_progress(epoch, start + count - 1, samples)
    end
  end
  return loss / samples
end

read_options()
if options.tree ~= "" then world = world_over(require(options.tree)()) end
torch.setdefaulttensortype(tensor_types[options.type])
torch.manualSeed(options.seed)

-- A fifth is held out.
local pixels, labels = read_digits(options.data)
local rows = labels:size(1)
local held_out = rows // 5
local training = rows - held_out
local test_pixels, test_labels =
  pixels:narrow(1, training + 1, held_out), labels:narrow(1, training + 1, held_out)
pixels, labels = pixels:narrow(1, 1, training), labels:narrow(1, 1, training)
local moves = {
  moved(pixels, 1, 0), moved(pixels, -1, 0), moved(pixels, 0, 1), moved(pixels, 0, -1),
}

local model = create_model()
world:broadcast(model)
local sums = { loss = 0.0, gradients = {} }
for name, weight in pairs(model) do sums.gradients[name] = weight:clone() end

local score
for epoch = 1, options.epochs do
  local start = ipc.clock()
  local loss = train_epoch(model, sums, pixels, moves, labels, epoch)
  local seconds = ipc.clock() - start
  score = accuracy(model, test_pixels, test_labels)
  if world.rank == 0 then
    print(("epoch %3d  loss %s  accuracy %.4f  %.0f samples/s"):format(
      epoch, (options.losses and "%.17g" or "%.5f"):format(loss), score, training / seconds))
  end
end
if world.rank == 0 then print(("accuracy %.4f"):format(score)) end
