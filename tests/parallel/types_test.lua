-- SPDX-License-Identifier: Apache-2.0
-- Proves that the type file of `parallel` and its manual page describe what the module has, and
-- nothing else.
--   lua5.4 types_test.lua parallel.d.lua parallel.3lua.scd
local parallel = require 'parallel'
local t = require 'tap'

local function read(path)
  local file <close> = assert(io.open(path))
  return file:read('a')
end
local types = read(assert(arg[1], 'the type file is not named'))
local manual = read(assert(arg[2], 'the manual page is not named'))

-- What the type file declares, by class.
local declared, fields, codes, undocumented = { parallel = {} }, {}, {}, {}
do
  local class, has_comment
  for line in types:gmatch('[^\n]*') do
    class = line:match('^%-%-%-@class ([%w_.]+)') or class
    local field = line:match('^%-%-%-@field ([%w_]+)')
    if field then
      fields[class] = fields[class] or {}
      fields[class][field] = true
    end
    local code = line:match('^%-%-%-| "([%w_]+)"')
    if code then codes[code] = true end
    local owner, name = line:match('^function (%w+)[.:]([%w_]+)%(')
    if owner then
      declared[owner] = declared[owner] or {}
      declared[owner][name] = true
      if not has_comment then undocumented[owner .. '.' .. name] = true end
    end
    has_comment = line:find('^%-%-%-') ~= nil
  end
end

-- What the manual page describes: entries are lines that begin with the bold name.
local described, described_in = {}, {}
do
  local heading = ''
  for line in manual:gmatch('[^\n]*') do
    heading = line:match('^#+ (.*)') or heading
    for owner, name in line:gmatch('%*(%l+)[.:](%w+)%*%(') do
      if line:find('^%*') then described[owner .. '.' .. name] = true end
    end
    local name = line:match('^%*([%w_]+)%*$')
    if name then
      described_in[heading] = described_in[heading] or {}
      described_in[heading][name] = true
    end
  end
end

local function public_functions(table)
  local names = {}
  for name, value in pairs(table) do
    if type(value) == 'function' and not name:find('^_') then names[name] = true end
  end
  return names
end

local function same(found, expected, what)
  for name in pairs(found) do assert(expected[name], what .. ': ' .. name .. ' is too much') end
  for name in pairs(expected) do assert(found[name], what .. ': ' .. name .. ' is missing') end
  assert(next(found), what .. ': there is nothing')
end

local child <close> = parallel.run 'parallel.parent:receive()'
local pool <close> = parallel.pool(1)
local task = pool:submit(print)
local group_methods = public_functions(getmetatable(parallel.children).__index)
for name in pairs(declared.Process) do declared.Group[name] = true end

t.test('types: the functions of the module and of its objects are those of the file', function()
  same(public_functions(parallel), declared.parallel, 'parallel')
  same(public_functions(getmetatable(child).__index), declared.Process, 'Process')
  same(group_methods, declared.Group, 'Group')
  same(public_functions(getmetatable(pool).__index), declared.Pool, 'Pool')
  same(public_functions(getmetatable(task).__index), declared.Task, 'Task')
end)

t.test('types: every function is in the manual page, and nothing else', function()
  local all = {}
  for _, class in ipairs { 'parallel', 'Pool', 'Task' } do
    for name in pairs(declared[class]) do all[class:lower() .. '.' .. name] = true end
  end
  same(described, all, 'functions of the manual page')
end)

t.test('types: every function says what it does', function()
  t.equal(next(undocumented), nil)
end)

t.test('types: the fields of the module and of a child are those of the file', function()
  for name in pairs(fields.parallel) do
    if name ~= 'args' then assert(parallel[name] ~= nil, name) end
  end
  for name, value in pairs(parallel) do
    if type(value) ~= 'function' then assert(fields.parallel[name], name) end
  end
  for name in pairs(child) do assert(fields['parallel.Process'][name], name) end
end)

t.test('types: fields, options and codes are in the manual page, and nothing else', function()
  same(described_in['Fields of parallel'], fields.parallel, 'fields of parallel')
  same(described_in['Fields of processes'], fields['parallel.Process'], 'fields of processes')
  same(described_in['Fields of errors'], fields['parallel.Error'], 'fields of errors')
  same(described_in['Options of pools'], fields['parallel.PoolOptions'], 'options of pools')
  same(described_in['ERRORS'], codes, 'codes')
end)

child:send(nil)
task:result()
t.done()
