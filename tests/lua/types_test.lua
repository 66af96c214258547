-- SPDX-License-Identifier: Apache-2.0
-- Proves that the type file of `ipc` describes what the module has, and nothing else.
--   lua5.4 types_test.lua ipc.d.lua
local ipc = require 'ipc'
local t = require 'tap'

-- What the type file declares: the names of a table's functions, of its fields, and how many lines
-- of documentation stand above each function.
local declared = { ipc = {}, World = {} }
local fields, documentation = {}, {}
local class, comment_lines
for line in io.lines((assert(arg[1], 'the type file is not named'))) do
  class = line:match('^%-%-%-@class (%S+)') or class
  local field = line:match('^%-%-%-@field ([%w_]+)')
  if field and class == 'ipc.World' then fields[field] = true end
  local owner, name = line:match('^function (%w+)[.:]([%w_]+)%(')
  if owner then
    declared[owner][name] = true
    documentation[owner .. '.' .. name] = comment_lines
  end
  comment_lines = line:find('^%-%-%-') and (comment_lines or 0) + 1 or 0
end

-- What is there.
local function members(table, wanted)
  local names = {}
  for name, value in pairs(table) do
    if (type(value) == 'function') == wanted then names[name] = true end
  end
  return names
end
local world = getmetatable(ipc.world()).__index

local function same(found, expected, what)
  for name in pairs(found) do
    assert(expected[name], ('%s %s is not in the type file'):format(what, name))
  end
  for name in pairs(expected) do
    assert(found[name], ('the type file has %s %s, which is not there'):format(what, name))
  end
  assert(next(found), 'there is no ' .. what)
end

t.test('types: the functions of the module are those of the file', function()
  same(members(ipc, true), declared.ipc, 'function ipc')
end)

t.test('types: the methods of a world are those of the file', function()
  same(members(world, true), declared.World, 'method of the world')
end)

t.test('types: the fields of a world are those of the file', function()
  same(members(world, false), fields, 'field of the world')
end)

t.test('types: every function says what it does', function()
  for name, lines in pairs(documentation) do
    assert(lines >= 2, name .. ' has no documentation')
  end
end)

t.done()
