-- SPDX-License-Identifier: Apache-2.0
-- Memory: tensors give theirs back, soon enough, and views keep what they look at.
local torch = require 'torch'
local t = require 'tap'

--- Resident memory of this process in MiB.
local function resident()
  for line in io.lines('/proc/self/status') do
    local kib = line:match('^VmRSS:%s+(%d+)')
    if kib then return tonumber(kib) / 1024 end
  end
end

t.test('garbage: large temporaries are collected without being asked', function()
  local a = torch.ones(1024, 256)  -- 2 MiB
  local before = resident()
  for _ = 1, 500 do a = a + 1 end  -- 1000 MiB of garbage
  assert(resident() - before < 200, 'grew by ' .. resident() - before .. ' MiB')
  t.equal(a[1][1], 501.0)
end)

t.test('garbage: views and errors hold nothing back', function()
  local before
  for round = 1, 60 do
    do
      local a = torch.ones(1024, 1024)  -- 8 MiB
      local parts = {a:t(), a[1], a:storage(), a:view(-1), a:expand(2, 1024, 1024), a:sum(1)}
      assert(#parts == 6)
      pcall(torch.add, a, torch.ones(3))
      pcall(torch.mm, a, torch.ones(3, 3))
      pcall(a.apply, a, error)
    end
    collectgarbage()
    if round == 10 then before = resident() end
  end
  assert(resident() - before < 30, 'grew by ' .. resident() - before .. ' MiB')
end)

t.test('views: keep the storage of a tensor that is gone', function()
  local view
  do
    local a = torch.range(1, 1000)
    view = a:narrow(1, 500, 3)
  end
  collectgarbage()
  collectgarbage()
  local _ = torch.zeros(1000)
  assert(view:equal(torch.Tensor {500, 501, 502}))
end)

t.test('finalisers: may resize the tensor that is being used', function()
  collectgarbage('generational')
  local a
  local function trap()
    setmetatable({}, {__gc = function() a:resize(1):resize(64, 64):fill(1) end})
  end
  for _ = 1, 3000 do
    a = torch.ones(64, 64)
    trap()
    local parts = {a + a, a:t(), a[2], a[{{2, 3}, 1}], a:narrow(1, 2, 3), a:eq(a), a:unsqueeze(1)}
    t.equal(#parts, 7)
    t.equal(parts[1][1][1], 2.0)
    t.equal(parts[3]:sum(), 64.0)
  end
  for _ = 1, 20 do
    trap()
    t.equal(#a:totable(), 64)
    trap()
    assert(#tostring(a) > 64 * 64)
  end
  collectgarbage('incremental')
end)

t.test('collected tensors: a finaliser that sees one gets an error, not a crash', function()
  local message
  do
    local holder = setmetatable({}, {
      __gc = function(self)
        local ok, what = pcall(function() return self.tensor:sum() + self.tensor[1] end)
        message = ok or what
      end,
    })
    holder.tensor = torch.ones(3)
  end
  collectgarbage()
  collectgarbage()
  assert(message ~= nil)
end)

t.test('out of memory: raises, and the tensor resized keeps its elements', function()
  local a = torch.ones(2)
  t.raises('not enough memory', a.resize, a, 1 << 50)
  t.equal(a:sum(), 2.0)
  t.raises('not enough memory', torch.zeros, 1 << 50)
end)

t.done()
