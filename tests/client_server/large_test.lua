-- SPDX-License-Identifier: Apache-2.0
-- What is beyond 31 bits, and beyond the 1,024 descriptors that select() knows: if there is room.
local ipc = require 'ipc'
local kit = require 'kit'
local t = require 'tap'
local torch = require 'torch'

local gib <const> = 1 << 30

local function available_bytes()
  local file <close> = assert(io.open '/proc/meminfo')
  return tonumber(file:read 'a':match 'MemAvailable:%s*(%d+) kB') * 1024
end

local elements <const> = 5 * gib // 2 + 3
-- On both sides of each power of two that a length could be cut at.
local samples <const> = { 1, gib, gib + 1, 2 * gib - 1, 2 * gib, 2 * gib + 1, elements - 1,
                          elements }

for _, link in ipairs { 'memory', 'socket' } do
  local sentence <const> = ('large: a tensor of 2.5 GiB arrives in place (%s)'):format(link)
  if available_bytes() < 8 * gib then
    t.skip(sentence, 'less than 8 GiB of memory are available')
  else
    t.test(sentence, function()
      local server <close>, port = ipc.server { link = link }
      local program = kit.start([[
        local ipc, torch = require 'ipc', require 'torch'
        local client = ipc.client(tonumber(arg[1]), { link = arg[2] })
        local tensor = torch.ByteTensor(tonumber(arg[3]))
        for place in arg[4]:gmatch '%d+' do tensor[tonumber(place)] = tonumber(place) % 251 end
        client:send(tensor)
        client:send 'and what follows it'
        client:recv()
      ]], port, link, elements, table.concat(samples, ' '))
      kit.with(server, function(c)
        t.equal(c:link(), link)
        local into = torch.ByteTensor(elements)
        c:recv(into)
        for _, i in ipairs(samples) do t.equal(into[i], i % 251, 'element ' .. i) end
        t.equal(c:recv(), 'and what follows it')
        c:send 'bye'
      end)
      t.equal(program:wait(), 0)
    end)
    collectgarbage()
  end
end

local clients <const> = 2000
local many <const> = 'large: 2,000 clients of one process, by sockets'
-- Both ends are here.
local descriptors <const> = 2 * clients + 200
local pipe <const> = assert(io.popen 'ulimit -Hn')
local limit <const> = pipe:read 'l'
pipe:close()

if limit ~= 'unlimited' and tonumber(limit) < descriptors then
  t.skip(many, ('only %s descriptors may be open'):format(limit))
else
  t.test(many, function()
    local program = ipc.spawn { file = 'sh', args = { '-c',
      ('ulimit -Sn %d && exec "$0" -e "$1"'):format(descriptors), kit.interpreter(), ([[
        local ipc = require 'ipc'
        local server, port = ipc.server { link = 'socket' }
        local clients = {}
        for i = 1, %d do clients[i] = ipc.client(port, { link = 'socket' }) end
        assert(server:clients(#clients, function() end) == #clients)
        for i, client in ipairs(clients) do client:send(i) end
        local sum = 0
        for _ = 1, #clients do
          local number, client = server:recvAny()
          sum = sum + number
          client:id(number)
        end
        server:clients(function(client) client:send(client:id() * 2) end)
        for i, client in ipairs(clients) do assert(client:recv() == 2 * i) end
        print(server:broadcast 'bye', sum)
        for _, client in ipairs(clients) do assert(client:recv() == 'bye') end
      ]]):format(clients) } }
    t.equal(program:stdout '*a', ('%d\t%d\n'):format(clients, clients * (clients + 1) // 2))
    t.equal(program:wait(), 0)
  end)
end

t.done()
