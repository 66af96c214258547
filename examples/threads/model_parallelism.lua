-- SPDX-License-Identifier: Apache-2.0
-- A model whose layers are spread over threads: batches flow through them as through a pipeline, so
-- that all layers work at the same time, each on another batch. The parameters of a layer stay with
-- its thread; between threads only references to activations travel.
--   ipcrun-lua examples/threads/model_parallelism.lua [batches]
local ipc, torch = require "ipc", require "torch"

local batches = tonumber(arg and arg[1]) or 60
local width, rows, layer_count, stages = 384, 256, 8, 2

-- One thread for each stage is the point: products are not to use more.
torch.setnumthreads(1)
torch.manualSeed(1)

-- A layer is tanh(x * w + b); written on tensors alone.
local function new_layer()
  return {
    w = torch.FloatTensor(width, width):normal(0, 1 / math.sqrt(width)),
    b = torch.FloatTensor(1, width):normal(0, 0.1),
  }
end

-- Runs `layers` on x.
local function forward(layers, x)
  for _, layer in ipairs(layers) do
    local y = layer.b:expand(x:size(1), layer.b:size(2)):clone()
    x = y:addmm(x, layer.w):tanh()
  end
  return x
end

local layers, inputs = {}, {}
for i = 1, layer_count do layers[i] = new_layer() end
for i = 1, batches do inputs[i] = torch.FloatTensor(rows, width):normal(0, 1) end

-- Alone: every batch through all layers, one after the other.
local function run_alone()
  local sum = 0
  local started = ipc.clock()
  for i = 1, batches do sum = sum + forward(layers, inputs[i]):sum() end
  return ipc.clock() - started, sum
end

-- In a pipeline: a thread has some of the layers, reads from the channel before it, and writes to
-- the one behind it. Channels of four keep a fast stage from running far ahead.
local function run_in_pipeline()
  local channels = {}
  for i = 1, stages + 1 do channels[i] = ipc.channel { capacity = 4 } end
  local ready = ipc.channel()
  local threads = {}
  for stage = 1, stages do
    local mine = {}
    local per_stage = layer_count // stages
    for i = 1, per_stage do mine[i] = layers[(stage - 1) * per_stage + i] end
    threads[stage] = ipc.map(1, function(layers, input, output, ready, marshalled)
      local torch, forward = require "torch", marshalled:read()
      torch.setnumthreads(1)
      ready:write(true)
      for x in input:items() do output:write(forward(layers, x)) end
      output:close()
    end, mine, channels[stage], channels[stage + 1], ready, ipc.marshal(forward, true))
  end
  for _ = 1, stages do ready:read() end
  local started = ipc.clock()
  local feeder = ipc.map(1, function(inputs, first)
    for _, x in ipairs(inputs) do first:write(x) end
    first:close()
  end, inputs, channels[1])
  local sum = 0
  for y in channels[stages + 1]:items() do sum = sum + y:sum() end
  local seconds = ipc.clock() - started
  feeder:join()
  for _, thread in ipairs(threads) do thread:join() end
  return seconds, sum
end

forward(layers, inputs[1]) -- loads the library of products
local alone, sum = run_alone()
local together, same_sum = run_in_pipeline()
local difference = math.abs(sum - same_sum)
assert(difference <= 1e-6 * math.max(1, math.abs(sum)), "the pipeline computes the same")
local report = "%d batches through %d layers: alone %.0f ms, %d threads %.0f ms: %.2f times as fast"
print(report:format(batches, layer_count, alone * 1e3, stages, together * 1e3,
  alone / together))
