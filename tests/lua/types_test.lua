-- SPDX-License-Identifier: Apache-2.0
-- Proves that the type file of `ipc` and its manual page describe what the module has, and nothing
-- else.
--   lua5.4 types_test.lua ipc.3lua.scd ipc.d.lua [MORE.d.lua ...]
local ipc = require 'ipc'
local t = require 'tap'

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read('a')
end
local manual = read(assert(arg[1], 'the manual page is not named'))
local types = read(assert(arg[2], 'the type file is not named'))
for i = 3, #arg do types = types .. read(arg[i]) end

-- What the type file declares: by class its functions and fields; and how many lines of
-- documentation stand above each function. A class that inherits has what its parent has.
local declared, fields, documentation = { ipc = {} }, { ipc = {} }, {}
local options, codes = {}, {}
do
  local class, comment_lines
  for line in types:gmatch('[^\n]*') do
    local name, parent = line:match('^%-%-%-@class ([%w_.]+)%s*:?%s*([%w_.]*)')
    if name then
      class = name
      declared[class] = declared[class] or {}
      fields[class] = fields[class] or setmetatable({}, { __index = fields[parent] })
    end
    local field = line:match('^%-%-%-@field ([%w_]+)')
    if field and class:find('Options$') then
      options[field] = true
    elseif field then
      fields[class][field] = true
    end
    local code = line:match('^%-%-%-| "([%w_]+)"')
    if code then codes[code] = true end
    local owner, method = line:match('^function (%w+)[.:]([%w_]+)%(')
    if owner then
      declared[owner == 'ipc' and owner or 'ipc.' .. owner][method] = true
      documentation[owner .. '.' .. method] = comment_lines
    end
    comment_lines = line:find('^%-%-%-') and (comment_lines or 0) + 1 or 0
  end
end

-- What the manual page describes: entries are lines that begin with the bold name.
local described, described_fields, described_codes = {}, {}, {}
do
  local heading = ''
  for line in manual:gmatch('[^\n]*') do
    heading = line:match('^#+ (.*)') or heading
    local owner, method = line:match('^%*([%a]+)[.:]([%w_]+)%*')
    if owner then described[owner .. '.' .. method] = true end
    local name = line:match('^%*([%w_]+)%*')
    if heading == 'ERRORS' and name then described_codes[name] = true end
    if heading == 'OPTIONS' and name then described_fields['option ' .. name] = true end
    if heading:find('^Fields of') and name then
      described_fields[heading:match('of (%a+)') .. '.' .. name] = true
    end
  end
end

local world, tree = ipc.world(), ipc.tree()
local work = world:barrier { async = true }
local _, communicator_methods = debug.getupvalue(getmetatable(world).__index, 1)
local server <close>, port = ipc.server { key = 'a key of this test' }
local client <close> = ipc.client(port, { key = 'a key of this test' })
local true_program <close> = ipc.spawn { file = 'true' }
local there = {
  ['ipc'] = ipc,
  ['ipc.Communicator'] = communicator_methods,
  ['ipc.Work'] = getmetatable(work).__index,
  ['ipc.Tree'] = tree,
  ['ipc.Channel'] = getmetatable(ipc.channel()).__index,
  ['ipc.Workqueue'] = getmetatable((ipc.workqueue())).__index,
  ['ipc.Map'] = getmetatable(ipc.map(0, print)).__index,
  ['ipc.Parallel'] = ipc.Parallel,
  ['ipc.Parallelizable'] = ipc.Parallelizable,
  ['ipc.Mutex'] = getmetatable(ipc.mutex()).__index,
  ['ipc.Marshal'] = getmetatable(ipc.marshal(1)).__index,
  ['ipc.Program'] = getmetatable(true_program).__index,
  ['ipc.Flock'] = getmetatable(ipc.flock('/dev/null')).__index,
  ['ipc.Server'] = getmetatable(server).__index,
  ['ipc.Client'] = getmetatable(client).__index,
}
-- Classes as the manual page calls their objects.
local objects <const> = {
  ['ipc'] = 'ipc', ['ipc.Communicator'] = 'comm', ['ipc.Work'] = 'work', ['ipc.Tree'] = 'tree',
  ['ipc.Channel'] = 'channel', ['ipc.Workqueue'] = 'workqueue',
  ['ipc.Map'] = 'map',
  ['ipc.Mutex'] = 'mutex', ['ipc.Marshal'] = 'marshal', ['ipc.Program'] = 'program',
  ['ipc.Flock'] = 'flock', ['ipc.Server'] = 'server', ['ipc.Client'] = 'client',
  ['ipc.Parallel'] = 'parallel',
  ['ipc.Parallelizable'] = 'Parallelizable',
}

local function functions_of(table)
  local names = {}
  for name, value in pairs(table) do
    if type(value) == 'function' and name:sub(1, 2) ~= '__' then names[name] = true end
  end
  return names
end

local function same(found, expected, what, where)
  for name in pairs(found) do
    assert(expected[name], ('%s %s is not in %s'):format(what, name, where))
  end
  for name in pairs(expected) do
    assert(found[name], ('%s has %s %s, which is not there'):format(where, what, name))
  end
  assert(next(found), 'there is no ' .. what)
end

for class, table in pairs(there) do
  t.test('types: the functions of ' .. class .. ' are those of the file', function()
    same(functions_of(table), declared[class], class, 'the type file')
  end)
end

t.test('types: every function is in the manual page, and nothing else', function()
  local all = {}
  for class, names in pairs(declared) do
    for name in pairs(names) do all[objects[class] .. '.' .. name] = true end
  end
  same(described, all, 'function', 'the type file')
end)

t.test('types: the fields of a world, a part of it and a tree are those of the file', function()
  local part = world:split(0)
  for name in pairs(fields['ipc.Communicator']) do
    assert(world[name] ~= nil and part[name] ~= nil, name)
  end
  for name in pairs(fields['ipc.World']) do
    assert(world[name] ~= nil and part[name] == nil, name)
  end
  local numbers = { parent = true, gpu = true }  -- which this one, a root and no SlurmTree, has not
  assert(tree.parent == nil and tree.gpu == nil)
  for name, value in pairs(tree) do
    if type(value) ~= 'function' then numbers[name] = true end
  end
  same(numbers, fields['ipc.Tree'], 'field of a tree', 'the type file')
end)

t.test('types: fields, options and codes are in the manual page, and nothing else', function()
  local all = {}
  for name in pairs(options) do all['option ' .. name] = true end
  for class, word in pairs { ['ipc.Communicator'] = 'communicators', ['ipc.World'] = 'worlds',
                             ['ipc.Tree'] = 'trees', ['ipc.Error'] = 'errors' } do
    for name in pairs(fields[class]) do all[word .. '.' .. name] = true end
  end
  same(described_fields, all, 'entry', 'the type file')
  same(described_codes, codes, 'code', 'the type file')
end)

t.test('types: options are those that the module knows', function()
  for name in pairs(options) do
    local known = false
    for _, call in ipairs { function(given) return world:barrier(given) end,
                            function(given) return world:allgather(1, given) end,
                            function(given) return world:receive(given) end } do
      local _, message = pcall(call, { [name] = print })
      known = known or not tostring(message):find('unknown option', 1, true)
    end
    assert(known, 'there is no option ' .. name)
  end
end)

t.test('types: every function says what it does', function()
  for name, lines in pairs(documentation) do
    assert(lines >= 1, name .. ' has no documentation')
  end
end)

t.done()
