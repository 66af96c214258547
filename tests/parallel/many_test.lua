-- SPDX-License-Identifier: Apache-2.0
-- Many children: one after the other, and at once. They leave nothing behind.
local parallel = require 'parallel'
local t = require 'tap'

local function count(folder)
  local pipe = io.popen('ls ' .. folder .. ' | wc -l')
  local n = pipe:read('n')
  pipe:close()
  return n
end
local pid = io.open('/proc/self/stat'):read('n')
local descriptors = '/proc/' .. pid .. '/fd'

local function mapped_pages()
  return (io.open('/proc/self/statm'):read('n'))
end

t.test('many: a thousand, one after the other, leave no descriptor and no page', function()
  parallel.run('parallel.parent:send(1)'):sync()
  local function start(n)
    for i = 1, n do
      local child = parallel.run('parallel.parent:send(...)', i)
      t.equal(child:receive(), i)
      child:join()
      child:sync()
    end
    collectgarbage()
    collectgarbage()
  end
  start(50)
  local before, pages = count(descriptors), mapped_pages()
  start(1000)
  t.equal(parallel.nchildren, 0)
  t.equal(count(descriptors), before)
  assert(mapped_pages() < pages + 1000, ('%d pages, before %d'):format(mapped_pages(), pages))
end)

t.test('many: sixty-four at once', function()
  local children = parallel.nfork(64)
  children:exec 'parallel.parent:send(parallel.yield() .. parallel.id)'
  children:join('child ')
  for i, text in ipairs(children:receive()) do t.equal(text, 'child ' .. children[i].id) end
  children:sync()
  t.equal(parallel.nchildren, 0)
end)

t.done()
