-- SPDX-License-Identifier: Apache-2.0
-- Proves: ranks that call different things all get an error, which names both lines; nobody hangs,
-- nobody gets a wrong sum, and the world works on. Run on every rank of a job.
local ipc = require "ipc"
local torch = require "torch"
local t = require "job_tap"

local world <const> = ipc.world()
local rank <const>, size <const> = world.rank, world.size

-- The line of a function of one line.
local function line_in(f) return debug.getinfo(f, "S").linedefined + 1 end

local function disagree(name, odd, even)
  -- Each rank in turn is the one: rank 0, which others compare with, as well as the last.
  for _, odd_one in ipairs { size - 1, 0 } do
    t.test(("%s, rank %d against the others"):format(name, odd_one), function()
      local good, failure = pcall(rank == odd_one and odd or even)
      t.equal(good, false, "it succeeded")
      t.equal(type(failure), "table", "the type of the error")
      t.equal(failure.code, "mismatch", "code")
      t.equal(failure.message, tostring(failure), "the message is its text")
      for _, where in ipairs { line_in(odd), line_in(even) } do
        local place = "disagreement.lua:" .. where
        t.equal(failure.message:find(place, 1, true) ~= nil, true,
          place .. " in " .. failure.message)
      end
      world:barrier()
      t.equal(world:allreduce(1), size, "a sum afterwards")
    end)
  end
end

for _, case in ipairs {
  { "small", 3 }, { "large", 300000 },
} do
  local kind, count = table.unpack(case)
  local floats = torch.FloatTensor(count):fill(1)
  local doubles = torch.DoubleTensor(count):fill(1)
  local longer = torch.FloatTensor(count + 1):fill(1)

  disagree(kind .. ": different operations", function()
    world:allreduce(floats, "max")
  end, function()
    world:allreduce(floats, "sum")
  end)
  disagree(kind .. ": different dtypes", function()
    world:allreduce(doubles)
  end, function()
    world:allreduce(floats)
  end)
  disagree(kind .. ": different counts", function()
    world:allreduce(longer)
  end, function()
    world:allreduce(floats)
  end)
  disagree(kind .. ": different roots", function()
    world:broadcast(floats, 0)
  end, function()
    world:broadcast(floats, 1)
  end)
  disagree(kind .. ": broadcast against allreduce", function()
    world:broadcast(floats)
  end, function()
    world:allreduce(floats)
  end)
  disagree(kind .. ": barrier against allreduce", function()
    world:barrier()
  end, function()
    world:allreduce(floats)
  end)
  disagree(kind .. ": tables of other shapes", function()
    world:allreduce({ floats, doubles })
  end, function()
    world:allreduce({ doubles, floats })
  end)
  disagree(kind .. ": tables of other lengths", function()
    world:allreduce({ floats, 1, 2 })
  end, function()
    world:allreduce({ floats, 1 })
  end)
  disagree(kind .. ": a table against a tensor", function()
    world:allreduce({ floats, doubles })
  end, function()
    world:allreduce(floats)
  end)
  t.test(kind .. ": nothing was written", function()
    for _, tensor in ipairs { floats, doubles, longer } do
      t.equal(tensor:ne(1):sum(), 0, "elements that changed")
    end
  end)
end

disagree("one small and one large operation", function()
  world:allreduce(torch.ones(2))
end, function()
  world:allreduce(torch.ones(300000))
end)
disagree("a number against a tensor", function()
  world:allreduce(1)
end, function()
  world:allreduce(torch.ones(1))
end)
disagree("tables with other keys", function()
  world:allreduce({ loss = 1, rows = 2 })
end, function()
  world:allreduce({ cost = 1, rows = 2 })
end)
disagree("the same tensors, nested otherwise", function()
  world:allreduce({ { torch.ones(1) }, torch.ones(1) })
end, function()
  world:allreduce({ torch.ones(1), { torch.ones(1) } })
end)

t.done()
