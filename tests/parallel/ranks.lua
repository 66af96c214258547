-- SPDX-License-Identifier: Apache-2.0
-- parallel in a job: the ranks are there as processes, and each can have children of its own.
-- Reports in TAP by rank 0.
local parallel = require 'parallel'
local world = require('ipc').world()
local t = require 'job_tap'

t.test('ranks: every rank has its number and a handle for each', function()
  t.equal(parallel.id, world.rank)
  for rank = 0, world.size - 1 do t.equal(parallel.ranks[rank].id, rank) end
end)

t.test('ranks: rank 0 has the others as children, and they have it as parent', function()
  if world.rank == 0 then
    t.equal(parallel.nchildren, world.size - 1)
    parallel.children:send('hello')
    for rank, answer in pairs(parallel.children:receive()) do t.equal(answer, rank) end
  else
    t.equal(parallel.parent:receive(), 'hello')
    parallel.parent:send(parallel.id)
  end
end)

t.test('ranks: they join and yield', function()
  if world.rank == 0 then
    parallel.children:join('word')
  else
    t.equal(parallel.yield(), 'word')
  end
end)

t.test('ranks: neighbours talk without their parent', function()
  local right = parallel.ranks[(world.rank + 1) % world.size]
  local left = parallel.ranks[(world.rank - 1) % world.size]
  right:send { from = world.rank }
  t.equal(left:receive().from, left.id)
end)

t.test('ranks: exec and kill on them are errors', function()
  t.raises('runs its own program already', parallel.ranks[0].exec, parallel.ranks[0], '')
  t.raises('no child of this process', parallel.ranks[0].kill, parallel.ranks[0])
end)

t.test('ranks: the first fork gives a table of own children from 1', function()
  local child = parallel.run('parallel.parent:send(...)', world.rank)
  t.equal(child.id, 1)
  t.equal(parallel.nchildren, 1)
  assert(parallel.children[1] == child)
  t.equal(child:receive(), world.rank)
  child:sync()
  t.equal(parallel.nchildren, 0)
end)

t.done()
