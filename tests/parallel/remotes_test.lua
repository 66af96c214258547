-- SPDX-License-Identifier: Apache-2.0
-- Remotes that are this host: children are dealt out to them, and they are measured.
local parallel = require 'parallel'
local t = require 'tap'

t.test('remotes: calibrate before addremote is an error', function()
  t.raises('<parallel.calibrate> calibration can only be done after addremote() is called',
    parallel.calibrate)
end)

t.test('remotes: sixteen over 8, 16 and 4 cores are six, six and four', function()
  parallel.addremote({ ip = 'localhost', cores = 8 }, { ip = '127.0.0.1', cores = 16 })
  parallel.addremote { { ip = 'localhost', cores = 4 } }
  t.equal(parallel.remotes.cores, 28)
  local children = parallel.sfork(16)
  local counts = {}
  for _, child in ipairs(children) do counts[child.remote] = (counts[child.remote] or 0) + 1 end
  t.equal(counts[parallel.remotes[1]], 6)
  t.equal(counts[parallel.remotes[2]], 6)
  t.equal(counts[parallel.remotes[3]], 4)
  t.equal(parallel.remotes.cores, 12)
  children:exec ''
  children:sync()
  t.equal(parallel.remotes.cores, 28)
end)

t.test('remotes: calibrate measures speeds, the fastest of which is 1', function()
  while #parallel.remotes > 0 do table.remove(parallel.remotes) end
  parallel.remotes.cores = 0
  parallel.addremote({ ip = 'localhost', cores = 1 }, { ip = '127.0.0.1', cores = 1 })
  parallel.calibrate()
  local a, b = parallel.remotes[1].speed, parallel.remotes[2].speed
  t.equal(math.max(a, b), 1.0)
  assert(math.min(a, b) >= 0.1)
  local children = parallel.sfork(2)
  t.equal(children[1].speed, a)
  children:exec ''
  children:sync()
end)

t.test('remotes: what makes no sense is refused', function()
  t.raises('cores', parallel.addremote, { ip = 'localhost' })
  t.raises('ip', parallel.addremote, { cores = 1 })
  t.raises('0 or more', parallel.sfork, -1)
end)

t.test('remotes: an interface is a name', function()
  t.raises('an interface is a name', parallel.autoip, print)
end)

t.done()
