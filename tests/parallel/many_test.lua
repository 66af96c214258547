-- SPDX-License-Identifier: Apache-2.0
-- Many children: one after the other, and at once. They leave nothing behind.
local parallel = require 'parallel'
local t = require 'tap'

-- By a file: of a pipe of ours the other end may be open here still when it is counted.
local function count(folder)
  local path = os.tmpname()
  assert(os.execute(('ls %s | wc -l >%s'):format(folder, path)))
  local file <close> = assert(io.open(path))
  os.remove(path)
  return file:read('n')
end
local pid = io.open('/proc/self/stat'):read('n')
local descriptors = '/proc/' .. pid .. '/fd'

local function mapped_pages()
  return (io.open('/proc/self/statm'):read('n'))
end

t.test('many: a thousand, one after the other, leave no descriptor and no page', function()
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

-- What the handles of children in parallel.children keep when nobody syncs.
local function check_descriptors(use)
  local before = count(descriptors)
  for i = 1, 100 do use(i) end
  parallel.run('parallel.parent:send(1)'):receive()
  assert(count(descriptors) <= before + 2, ('%d, before %d'):format(count(descriptors), before))
  parallel.close()
end

t.test('many: children that were joined, and not synced, keep no descriptor', function()
  check_descriptors(function() parallel.run(''):join() end)
end)

t.test('many: children that ended after what they sent was received keep no descriptor', function()
  check_descriptors(function(i)
    local child = parallel.run('parallel.parent:send(...)', i)
    t.equal(child:receive(), i)
    repeat until child:status() == 'ended'
  end)
end)

t.test('many: what was sent by children that have ended stays until it is received', function()
  local first = parallel.run 'parallel.parent:send(17)'
  first:join()
  parallel.run(''):join()
  t.equal(first:receive(), 17)
  t.raises('has ended', first.receive, first)
  parallel.close()
end)

t.done()
