-- SPDX-License-Identifier: Apache-2.0
-- The examples of threads do what they say.
--   examples_test.lua FOLDER INTERPRETER
local t = require 'tap'
local folder <const>, interpreter <const> = arg[1], arg[2]

local expected <const> = {
  producer_consumer = '3000 items, their sum is 1501500\n',
  cascade = 'sum of squares 338350, sum of cubes 25502500\n',
  load_files = '20 files, sum of their means 210\n',
  parallelizable = [[
weights 2.000 -1.000 0.500, loss 1.4e-29
the same bits as without threads: true
sum of squares 14
and one failed: attempt to mul
]],
}

local function output_of(script)
  local pipe = io.popen(("'%s' '%s/%s' 2>&1"):format(interpreter, folder, script))
  local text = pipe:read('a')
  return text, pipe:close()
end

for name, text in pairs(expected) do
  t.test(('examples: threads/%s.lua'):format(name), function()
    local output, good = output_of(name .. '.lua')
    if name == 'parallelizable' then -- the last bits of the loss depend on the CPU
      output, text = output:gsub('loss %S+', 'loss'), text:gsub('loss %S+', 'loss')
    end
    t.equal(output, text)
    assert(good)
  end)
end

t.test('examples: threads/model_parallelism.lua computes the same in its pipeline', function()
  local output, good = output_of 'model_parallelism.lua'
  assert(output:find '60 batches through 8 layers: alone %d+ ms, 2 threads %d+ ms', output)
  assert(good)
end)

t.done()
