-- SPDX-License-Identifier: Apache-2.0
local ipc = require 'ipc'
local t = require 'tap'
local script = require 'script'

t.test('processes: numbers of this process, its parent and its thread are integers', function()
  for _, name in ipairs { 'getpid', 'getppid', 'gettid' } do
    t.equal(math.type(ipc[name]()), 'integer', name)
  end
  t.equal(ipc.getpid(), ipc.gettid())
  local p = ipc.spawn { file = 'sh', args = { '-c', 'echo $PPID' } }
  t.equal(p:stdout(), tostring(ipc.getpid()))
  p:wait()
end)

t.test('stopping: TERM is no end any more, but a wish that every call tells of', function()
  local output, status = script.run [[
    local ipc = require 'ipc'
    print(ipc.stopping())
    os.execute('kill -TERM $PPID')
    os.execute('kill -TERM $PPID')
    print(ipc.stopping(), ipc.stopping())
  ]]
  t.equal(output, 'false\nTERM\tTERM\n')
  t.equal(status, 0)
end)

t.test('stopping: others mean it when they are named, and the first that came is told', function()
  local output = script.run [[
    local ipc = require 'ipc'
    print(ipc.stopping('USR1', 'INT'))
    os.execute('kill -USR1 $PPID')
    os.execute('kill -TERM $PPID')
    print(ipc.stopping())
  ]]
  t.equal(output, 'false\nUSR1\n')
end)

t.test('stopping: a signal that is not named does what it did', function()
  local _, status = script.run [[
    require('ipc').stopping()
    os.execute('kill -USR1 $PPID')
  ]]
  t.equal(status ~= 0, true)
end)

t.test('stopping: a word that is no such signal is an error', function()
  t.raises("'TERM', 'INT', 'HUP', 'USR1' or 'USR2'", ipc.stopping, 'KILL')
end)

t.test('processes: a forked child has 0, and its exit status is waited for', function()
  local output, status = script.run [[
    local ipc = require 'ipc'
    local parent = ipc.getpid()
    io.write('buffered ')
    local pid = ipc.fork()
    if pid == 0 then
      os.exit(ipc.getppid() == parent and 7 or 8, true)
    end
    print(ipc.waitpid(pid))
  ]]
  t.equal(output, 'buffered 7\n')
  t.equal(status, 0)
end)

t.test('processes: a child that a signal ended has no exit status', function()
  local output = script.run [[
    local ipc = require 'ipc'
    local pid = ipc.fork()
    if pid == 0 then
      ipc.spawn({file = 'sh', args = {'-c', 'kill -KILL $PPID'}}):wait()
    end
    print(select('#', ipc.waitpid(pid)))
  ]]
  t.equal(output, '0\n')
end)

t.test('processes: who is no child cannot be waited for', function()
  t.raises('wait for process 1: No child', ipc.waitpid, 1)
  t.raises('1 or more', ipc.waitpid, -1)
  t.raises('number expected', ipc.waitpid)
end)

t.test('processes: a forked child of a rank works on its own memory, and leaves the job to it',
  function()
    local output, status = script.run [[
      local ipc, torch = require 'ipc', require 'torch'
      local value = torch.ones(10)
      local pid = ipc.fork()
      if pid == 0 then
        value:fill(2)
        os.exit(torch.ones(1000):sum() == 1000 and 0 or 1, true)
      end
      assert(ipc.waitpid(pid) == 0 and value:sum() == 10)
      ipc.world():barrier()
      print 'done'
    ]]
    t.equal(output, 'done\n')
    t.equal(status, 0)
  end)

t.test('processes: a forked child that ends leaves the files of its parent locked', function()
  local output = script.run [[
    local ipc = require 'ipc'
    local path = os.tmpname()
    local lock = ipc.flock(path)
    local pid = ipc.fork()
    if pid == 0 then
      lock:close()
      os.exit(0, true)
    end
    ipc.waitpid(pid)
    print(ipc.flock(path, true) == nil)
    lock:close()
    print(ipc.flock(path, true) ~= nil)
    os.remove(path)
  ]]
  t.equal(output, 'true\ntrue\n')
end)

t.test('processes: this is no macOS', function()
  t.equal(select('#', ipc.isOSX()), 0)
end)

t.test('processes: the mode for developers is what the environment says', function()
  local program = "print(require 'ipc'.isDevel())"
  for text, expected in pairs { ['1'] = 'true\n', ['10'] = 'true\n', ['0'] = 'false\n',
                                [''] = 'false\n' } do
    t.equal(script.run(program, "CKOIA_DEVEL_MODE='" .. text .. "'"), expected)
  end
  t.equal(script.run(program, 'env -u CKOIA_DEVEL_MODE'), 'false\n')
end)

t.done()
