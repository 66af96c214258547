-- SPDX-License-Identifier: Apache-2.0
-- What goes over connections, on each link: values of any kind and size, tensors in and out of
-- place, and what cannot go.
local ipc = require 'ipc'
local kit = require 'kit'
local t = require 'tap'
local torch = require 'torch'

-- Sends from another thread: one that sends more than the buffers of a socket hold waits.
local function send_aside(client, value)
  return ipc.map(1, function(given, what) given:send(what) end, client, value)
end

-- Runs the test on each link, with a client and the server's end of it.
local function on_links(sentence, body)
  for _, link in ipairs(kit.links) do
    t.test(('%s (%s)'):format(sentence, link), function()
      local server <close>, client = kit.pair { link = link }
      kit.with(server, function(c) body(client, c) end)
    end)
  end
end

on_links('client: values come as they went', function(client, c)
  local function same(value)
    client:send(value)
    c:send(c:recv())
    return client:recv()
  end
  for _, value in ipairs { 1, 1.5, true, false, '', 'text\0binary', math.mininteger } do
    t.equal(same(value), value)
  end
  client:send(nil)
  t.equal(select('#', c:recv()), 1)
  local got = same { 1, { x = 'y' }, [2.5] = false }
  assert(got[1] == 1 and got[2].x == 'y' and got[2.5] == false)
  local cycle = {}
  cycle.self = cycle
  got = same(cycle)
  assert(got.self == got)
  t.equal(same(function(x) return x + 1 end)(2), 3)
end)

on_links('client: strings of every length keep their order among others', function(client, c)
  -- Around what goes without a parcel's objects: 4096 bytes with all that is about the text.
  local values = { '', '\0', ('a\0b'):rep(20), 0, -0.0, math.huge, math.maxinteger,
    math.mininteger, true, false }
  for _, length in ipairs { 1, 40, 2048, 4066, 4067, 4068, 4096, 4097, 70000 } do
    values[#values + 1] = ('\0\1\255x'):rep(length // 4 + 1):sub(1, length)
    values[#values + 1] = { length, 'in a table' }
    values[#values + 1] = torch.FloatTensor(length):fill(length)
    values[#values + 1] = length / 3
  end
  local sending = ipc.map(1, function(given, list)
    for _, value in ipairs(list) do given:send(value) end
    given:send(nil)
  end, client, values)
  for i, value in ipairs(values) do
    local got
    if i % 3 == 0 then
      repeat got = table.pack(c:recvAsync()) until got.n == 1
      got = got[1]
    else
      got = c:recv()
    end
    if math.type(value) then
      t.equal(math.type(got), math.type(value))
      t.equal(got, value)
    elseif torch.typename(value) then
      t.equal(got:size(1), value:size(1))
      t.equal(got:sum(), value:sum())
    elseif type(value) == 'table' then
      t.equal(got[1], value[1])
      t.equal(got[2], value[2])
    else
      assert(got == value, 'another value came')
    end
  end
  t.equal(c:recv(), nil)
  sending:join()
end)

on_links('client: tensors in tables keep what they share', function(client, c)
  local whole = torch.range(1, 10)
  client:send { whole = whole, part = whole:narrow(1, 3, 2), storage = whole:storage() }
  local got = c:recv()
  got.part:fill(0)
  t.equal(got.whole:sum(), 48.0)
  t.equal(got.storage[3], 0.0)
end)

on_links('client: there is no limit of 16 KiB', function(client, c)
  local list = {}
  for i = 1, 20000 do list[i] = 'item ' .. i end
  local listing = send_aside(client, list)
  local got = c:recv()
  listing:join()
  t.equal(#got, 20000)
  t.equal(got[20000], 'item 20000')
  local text = ('0123456789abcdef'):rep(1 << 18)
  local sending = send_aside(client, text)
  assert(c:recv() == text)
  sending:join()
end)

on_links('client: tensors of every type go in and out of place', function(client, c)
  for _, name in ipairs { 'Byte', 'Char', 'Short', 'Int', 'Long', 'Float', 'Double' } do
    local make = torch[name .. 'Tensor']
    client:send(make(3, 4):fill(7))
    local into = make(3, 4)
    assert(rawequal(c:recv(into), into))
    t.equal(into:sum() + 0.0, 84.0)
    client:send(make(2):fill(5))
    local got = c:recv()
    t.equal(torch.typename(got), 'torch.' .. name .. 'Tensor')
    t.equal(got:size(1), 2)
    t.equal(got[2] + 0.0, 5.0)
  end
end)

on_links('client: large tensors, and tensors of nothing', function(client, c)
  local big = torch.FloatTensor(3 << 20)
  for _, i in ipairs { 1, 1 << 20, 3 << 20 } do big[i] = i end
  local sending = send_aside(client, big)
  local got = c:recv(torch.FloatTensor(3 << 20))
  sending:join()
  for _, i in ipairs { 1, 1 << 20, 3 << 20 } do t.equal(got[i], i + 0.0) end
  sending = send_aside(client, big)
  t.equal(c:recv()[3 << 20], (3 << 20) + 0.0)
  sending:join()
  client:send(torch.FloatTensor())
  t.equal(c:recv():dim(), 0)
  client:send(torch.FloatTensor())
  t.equal(c:recv(torch.FloatTensor()):dim(), 0)
  client:send(torch.FloatTensor(0))
  c:recv(torch.FloatTensor(0))
  client:send 'and on it goes'
  t.equal(c:recv(), 'and on it goes')
end)

on_links('client: strided tensors go both ways', function(client, c)
  local base = torch.range(1, 12):resize(3, 4)
  client:send(base:t())
  local got = c:recv()
  assert(got:size(1) == 4 and got:size(2) == 3 and got[2][3] == 10)
  client:send(base:narrow(2, 2, 2))
  local frame = torch.zeros(5, 6)
  c:recv(frame:sub(2, 4, 3, 4))
  assert(frame[2][3] == 2 and frame[4][4] == 11)
  t.equal(frame:sum(), 2.0 + 3 + 6 + 7 + 10 + 11)
  client:send(base)
  local turned = torch.zeros(4, 3)
  c:recv(turned:t())
  t.equal(turned[4][1], 4.0)
  client:send(torch.ones(1, 3):expand(2, 3))
  t.equal(c:recv():sum(), 6.0)
  client:send(torch.ones(2, 3))
  t.raises('recv', c.recv, c, torch.zeros(1, 3):expand(2, 3))
  t.equal(c:recv():sum(), 6.0)
end)

on_links('client: storages go in and out of place', function(client, c)
  client:send(torch.ByteStorage():string 'ping')
  local into = torch.ByteStorage(4)
  assert(rawequal(c:recv(into), into))
  t.equal(into:string(), 'ping')
  c:send(torch.LongStorage { 4, 5 })
  local got = client:recv()
  t.equal(torch.typename(got), 'torch.LongStorage')
  t.equal(got[2], 5)
end)

on_links('client: a message that does not fit stays, and names both', function(client, c)
  local sent = torch.FloatTensor(3, 4):fill(1)
  client:send(sent)
  local wrong = {
    [torch.IntTensor(3, 4)] = 'a torch.IntTensor of 3x4',
    [torch.FloatTensor(12)] = 'a torch.FloatTensor of 12',
    [torch.FloatTensor(4, 3)] = 'a torch.FloatTensor of 4x3',
    [torch.FloatStorage(12)] = 'a torch.FloatStorage of 12',
    [torch.FloatTensor()] = 'a torch.FloatTensor of no dimension',
  }
  for into, text in pairs(wrong) do
    local problem = kit.failure('mismatch', c.recv, c, into)
    t.raises('the message is a torch.FloatTensor of 3x4', error, problem)
    t.raises(text, error, problem)
  end
  t.equal(c:recv(torch.FloatTensor(3, 4)):sum(), 12.0)
  client:send { 1 }
  t.raises('the message is a value', error,
    kit.failure('mismatch', c.recv, c, torch.FloatTensor(1)))
  t.equal(c:recv()[1], 1)
end)

on_links('client: what cannot be sent leaves nothing behind', function(client, c)
  local upvalue = {}
  local thread = coroutine.create(print)
  client:send(1)
  t.raises('which do not go along here', client.send, client, function() return upvalue end)
  t.raises('send', client.send, client, { 1, 2, thread })
  t.raises('send', client.send, client, client)
  t.raises('send', client.send, client, io.stdout)
  client:send(2)
  t.equal(c:recv(), 1)
  t.equal(c:recv(), 2)
end)

on_links('client: recvAsync gives what is there, and nothing else', function(client, c)
  t.equal(select('#', c:recvAsync()), 0)
  client:send(false)
  client:send(torch.ones(3))
  local function soon()
    local got = table.pack(c:recvAsync())
    while got.n == 0 do got = table.pack(c:recvAsync()) end
    return got[1]
  end
  t.equal(soon(), false)
  t.equal(soon():sum(), 3.0)
  t.equal(select('#', c:recvAsync()), 0)
end)

on_links('client: recv gives up in time, and the next message comes', function(client, c)
  t.raises('in time', error, kit.failure('timeout', c.recv, c, { timeout = 0.02 }))
  kit.failure('timeout', c.recv, c, torch.ones(1), { timeout = 0.02 })
  client:send(7)
  t.equal(c:recv { timeout = 10 }, 7)
end)

on_links('client: send gives up in time when nobody receives', function(client)
  local big = torch.ByteTensor(64 << 20)
  local good, problem
  for _ = 1, 8 do
    good, problem = pcall(client.send, client, big, { timeout = 0.3 })
    if not good then break end
  end
  assert(not good and (problem.code == 'timeout' or problem.code == 'peer_lost'), problem)
end)

t.test('client: with encryption values come as they went', function()
  local server <close>, port = ipc.server()
  local client <close> = ipc.client(port, { encrypt = true, link = 'socket' })
  local sent = torch.range(1, 100000)
  local sending = send_aside(client, sent)
  kit.with(server, function(c)
    assert(torch.all(torch.eq(c:recv(torch.DoubleTensor(100000)), sent)))
    sending:join()
    client:send { x = 'text' }
    t.equal(c:recv { timeout = 30 }.x, 'text')
  end)
end)

t.done()
