-- SPDX-License-Identifier: Apache-2.0
-- Finalisers run whenever Lua takes memory, and once more when the state is closed: they may use
-- the world then, and take away what an operation is working on.
local t = require 'tap'

-- Runs `code` in an interpreter of its own, where freed memory is overwritten; what it prints.
local function run(code)
  local name = os.tmpname()
  local file = assert(io.open(name, 'w'))
  file:write("local ipc, torch = require 'ipc', require 'torch'\n", code)
  file:close()
  local pipe = assert(io.popen("MALLOC_PERTURB_=165 '" .. arg[-1] .. "' " .. name .. ' 2>&1'))
  local text = pipe:read('a')
  local good = pipe:close()
  os.remove(name)
  return text, good
end

t.test('a finaliser that runs when the state is closed hears that the world is closed', function()
  local text, good = run [[
    local early = setmetatable({}, {__gc = function(self)
      for _, call in ipairs {function() self.world:barrier() end, function() ipc.world() end,
                             function() self.world:allreduce(1) end,
                             function() return tostring(self.world) end} do
        print(pcall(call))
      end
    end})
    early.world = ipc.world()
  ]]
  t.equal(good, true, text)
  t.equal(select(2, text:gsub('false\t[^\n]*the world is closed', '')), 4, text)
end)

t.test('a finaliser may take away and resize the tensors that take part', function()
  local text, good = run [[
    local world = ipc.world()
    local value = {c = {}}
    for i = 1, 100 do value.c[i] = {i} end
    collectgarbage('incremental', 1, 1000, 2)
    for i = 1, 200 do
      value.a = torch.FloatTensor(1000):fill(2)
      value.b = torch.FloatTensor(1000):fill(3)
      setmetatable({}, {__gc = function()
        value.a = nil
        if value.b then value.b:resize(1) end
      end})
      pcall(world.allreduce, world, value)
    end
    print('done')
  ]]
  t.equal(good, true, text)
  t.equal(text, 'done\n')
end)

t.test('a finaliser may close the communicator whose call it interrupts', function()
  local text, good = run [[
    collectgarbage('incremental', 1, 1000, 2)
    local closed, done = 0, 0
    for i = 1, 300 do
      local part = ipc.world():split(0)
      setmetatable({}, {__gc = function() part:close() end})
      local value = {i, {i}, torch.FloatTensor(10)}
      local call = ({'allreduce', 'allgather', 'broadcast'})[i % 3 + 1]
      local good, message = pcall(part[call], part, value)
      if good then done = done + 1 else closed = closed + 1 end
      assert(good or message:find('the communicator is closed', 1, true), message)
    end
    print(done + closed)
  ]]
  t.equal(good, true, text)
  t.equal(text, '300\n')
end)

t.test('a finaliser may take away what is being sent, and what is being waited for', function()
  local text, good = run [[
    local world = ipc.world()
    collectgarbage('incremental', 1, 1000, 2)
    for i = 1, 200 do
      local value = {a = torch.FloatTensor(1000), b = torch.FloatStorage(1000), c = {}}
      for k = 1, 50 do value.c[k] = {k} end
      local a, b = value.a, value.b
      setmetatable({}, {__gc = function() a:resize(1) b:resize(1) end})
      world:send(value, 0)
      local work = world:allreduce({1, value.a}, {async = true})
      setmetatable({}, {__gc = function() pcall(work.wait, work) end})
      world:receive()
      work:wait()
    end
    print('done')
  ]]
  t.equal(good, true, text)
  t.equal(text, 'done\n')
end)

t.test('a finaliser that runs when the state is closed may wait, and hears that it is', function()
  -- In an interpreter whose finaliser is older than all that ipc has made.
  local name = os.tmpname()
  local file = assert(io.open(name, 'w'))
  file:write [[
    Early = setmetatable({}, {__gc = function()
      local ipc = require 'ipc'
      local mutex = ipc.mutex()
      for _, call in ipairs {function() mutex:barrier(2) end, function() ipc.channel():read() end,
                             function() ipc.workqueue 'late' end,
                             function() ipc.channel {shared = true} end,
                             function() ipc.map(1, print) end} do
        print(pcall(call))
      end
    end})
    require 'ipc'
  ]]
  file:close()
  local pipe <close> = assert(io.popen("'" .. arg[-1] .. "' " .. name .. ' 2>&1'))
  local text = pipe:read 'a'
  os.remove(name)
  t.equal(select(2, text:gsub('false\t[^\n]*this Lua state is being closed', '')), 5, text)
end)

t.test('a finaliser that runs when the state is closed finds channels in others', function()
  local text, good = run [[
    Outer = ipc.channel()
    Early = setmetatable({}, {__gc = function()
      local _, inner = Outer:read(true)
      print(inner:num_items())
    end})
    Inner = ipc.channel()
    Inner:write(1, 2)
    Outer:write(Inner)
  ]]
  t.equal(good, true, text)
  t.equal(text, '2\n')
end)

t.done()
