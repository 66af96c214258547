-- SPDX-License-Identifier: Apache-2.0
-- A rank of bits.sh: sums and averages numbers whose sum depends on the order of summation, small
-- and large; prints one checksum over the bits of all results. With an argument, some ranks are
-- slow, now and then.
local ipc = require "ipc"
local torch = require "torch"
local world = ipc.world()

local function dawdle(turn)
  if not arg[1] or (world.rank + turn) % 3 ~= 0 then return end
  local start = ipc.clock()
  while ipc.clock() - start < 0.002 do end
end

local formats <const> = { Float = "f", Double = "d", Half = "f" }
local checksum = 0
local function add(tensor, format)
  for _, value in ipairs(tensor:totable()) do
    -- FNV-1a over words.
    local word = string.unpack("I" .. string.packsize(format), string.pack(format, value))
    checksum = (checksum ~ word) * 0x100000001b3
  end
end

torch.manualSeed(world.rank + 1)
for turn, count in ipairs { 1, 7, 100, 20011 } do
  for _, case in ipairs {
    { "Float", "sum" }, { "Double", "sum" }, { "Half", "sum" }, { "Float", "avg" },
    { "Float", "prod" },
  } do
    local name, op = table.unpack(case)
    local tensor = torch.randn(count)
    -- Magnitudes apart, so that every order of summation rounds otherwise.
    if op ~= "prod" then
      tensor:cmul(torch.exp(torch.randn(count):mul(name == "Half" and 1 or 5)))
    end
    tensor = tensor[name:lower()](tensor)
    dawdle(turn)
    world:allreduce(tensor, op)
    -- Of the large one some of every chunk: hashing in Lua is slow.
    for first = 1, count, 1000 do
      local length = math.min(count - first + 1, count > 1000 and 77 or 1000)
      add(tensor:narrow(1, first, length), formats[name])
    end
  end
end
add(torch.Tensor { world:allreduce(math.exp(world.rank) / 3) }, "d")
print(("%016x"):format(checksum))
