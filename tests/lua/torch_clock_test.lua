-- SPDX-License-Identifier: Apache-2.0
-- torch.tic, torch.toc, torch.Timer, and the number of threads.
local torch = require 'torch'
local t = require 'tap'

-- Works until `clock()` has gone on by some milliseconds.
local function spend(clock)
  local since = clock()
  while clock() < since + 0.003 do end
end

t.test('tic, toc: measure the time between them', function()
  local tic = torch.tic()
  spend(torch.tic)
  local seconds = torch.toc(tic)
  assert(seconds >= 0.003 and seconds < 60, seconds)
end)

t.test('Timer: measures real time and time of the processor', function()
  local timer = torch.Timer()
  spend(os.clock)
  local time = timer:time()
  assert(time.real > 0.002 and time.user + time.sys > 0.002, time.real)
end)

t.test('Timer: stands still between stop and resume', function()
  local timer = torch.Timer()
  t.equal(timer:stop(), timer)
  local stopped = timer:time().real
  spend(torch.tic)
  t.equal(timer:time().real, stopped)
  timer:resume()
  spend(torch.tic)
  assert(timer:time().real >= stopped + 0.003)
end)

t.test('Timer: reset begins at 0', function()
  local timer = torch.Timer()
  spend(torch.tic)
  local before = timer:time().real
  timer:stop():reset()
  t.equal(timer:time().real, 0)
  assert(before > 0)
end)

t.test('setnumthreads: is what getnumthreads gives', function()
  torch.setnumthreads(1)
  t.equal(torch.getnumthreads(), 1)
  torch.mm(torch.ones(2, 2), torch.ones(2, 2))
  t.equal(torch.getnumthreads(), 1)
  t.raises('a number of threads, 1 or more', torch.setnumthreads, 0)
end)

t.done()
