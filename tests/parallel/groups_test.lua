-- SPDX-License-Identifier: Apache-2.0
-- Groups: parallel.children, the lists that nfork gives, and tables that scripts make.
local parallel = require 'parallel'
local torch = require 'torch'
local t = require 'tap'

local children = parallel.nfork(4)
children:exec [[
  while true do
    local order = parallel.parent:receive()
    if order == 'end' then break end
    if order ~= 'silence' then parallel.parent:send { parallel.id, order } end
  end
]]

t.test('groups: results have the keys of the group', function()
  children:send('x')
  local got, was_there = children:receive()
  t.equal(was_there, true)
  for i = 1, 4 do t.equal(got[i][1], children[i].id) end
  parallel.send(parallel.children, 'y')
  for id, value in pairs(parallel.receive(parallel.children)) do
    t.equal(value[1], id)
    t.equal(value[2], 'y')
  end
end)

t.test('groups: pairs shows nothing but handles', function()
  local count = 0
  for id, child in pairs(parallel.children) do
    t.equal(child.id, id)
    count = count + 1
  end
  t.equal(count, 4)
  t.equal(#children, 4)
end)

t.test('groups: any table of handles is one', function()
  local group = { left = children[1], right = children[3] }
  parallel.send(group, 'z')
  local got = parallel.receive(group)
  t.equal(got.left[1], children[1].id)
  t.equal(got.right[1], children[3].id)
  parallel._fill(group)
  group:send('filled')
  t.equal(group:receive().left[2], 'filled')
end)

t.test('groups: each receiver of a tensor has a copy of its own', function()
  children:send(torch.ones(10))
  local got = children:receive()
  got[1][2]:fill(0)
  t.equal(got[2][2]:sum(), 10.0)
end)

t.test('groups: with noblock there is what came', function()
  children[2]:send('only')
  repeat until children[2]:probe()
  local got = children:receive('noblock')
  t.equal(got[1], nil)
  t.equal(got[2][2], 'only')
  local rest = children:receive(nil, 'noblock')
  t.equal(next(rest), nil)
end)

t.test('groups: a timeout keeps what has come', function()
  children[1]:send('kept')
  local good, problem = pcall(children.receive, children, { timeout = 0.1 })
  t.equal(good, false)
  t.equal(problem.code, 'timeout')
  t.equal(children[1]:receive()[2], 'kept')
end)

t.test('groups: receiveAny gives a value and who sent it', function()
  children[3]:send('third')
  local value, child = children:receiveAny()
  t.equal(value[2], 'third')
  assert(child == children[3])
  t.equal(select('#', children:receiveAny('noblock')), 0)
  t.raises('timeout', function()
    local _, problem = pcall(children.receiveAny, children, { timeout = 0.01 })
    error(problem.code)
  end)
end)

t.test('groups: receiveAny hears everybody', function()
  children:send('a')
  children:send('b')
  local heard = {}
  for _ = 1, 8 do
    local _, child = children:receiveAny()
    heard[child.id] = (heard[child.id] or 0) + 1
  end
  for i = 1, 4 do t.equal(heard[children[i].id], 2) end
end)

t.test('groups: results go into the tensors of a table', function()
  local singles = parallel.nfork(2)
  singles:exec [[
    parallel.parent:send(require('torch').Tensor(3):fill(parallel.id))
  ]]
  local targets = { torch.Tensor(), torch.Tensor() }
  local got = singles:receive(targets)
  assert(got == targets)
  t.equal(targets[2]:sum(), 3.0 * singles[2].id)
  singles:sync()
end)

t.test('groups: what is no process is an error that says so', function()
  t.raises('groups_test.lua', function() parallel.send(nil, 1) end)
  t.raises('a process or a group of processes', parallel.send, 3, 1)
  t.raises('not one that this process can reach', parallel.send, { id = 3 }, 1)
end)

t.test('groups: statuses have the keys of the group', function()
  t.equal(children:status()[4], 'running')
end)

children:send('end')
children:sync()
t.test('groups: a member that has ended and was synced is no reason to stop', function()
  local pair = parallel.nfork(2)
  pair[1]:exec ''
  pair[2]:exec 'parallel.parent:send(1) parallel.yield() parallel.parent:send(2)'
  pair[1]:sync()
  local value, who = pair:receiveAny()
  t.equal(value, 1)
  t.equal(who, pair[2])
  t.equal(pair:probe(), nil)
  t.equal(pair[1]:probe(), false)
  pair:join()
  t.equal(pair:receiveAny(), 2)
  pair[2]:sync()
  t.raises('all processes of the group have ended', pair.receiveAny, pair)
  t.raises('has ended', pair.receive, pair)
end)

t.done()
