-- SPDX-License-Identifier: Apache-2.0
-- The module `sys`, and string.split.
local sys = require 'sys'
local t = require 'tap'

t.test('sys: is a global too', function() t.equal(_G.sys, sys) end)

t.test('sleep, usleep, clock: time passes', function()
  local since = sys.clock()
  sys.sleep(0.002)
  sys.usleep(2000)
  assert(sys.clock() - since >= 0.004)
end)

t.test('tic, toc: measure the time between them', function()
  sys.tic()
  sys.sleep(0.002)
  local seconds = sys.toc()
  assert(seconds >= 0.002 and sys.toc() >= seconds)
end)

t.test('execute: what a command wrote, less the white space around it', function()
  t.equal(sys.execute('echo; echo " one  two "; echo three >&2; echo'), 'one  two \nthree')
  t.equal(sys.fexecute('exit 3'), '')
  t.equal(select('#', sys.execute('true')), 1)
end)

t.test('uname: the name of the system', function()
  t.equal(sys.uname(), sys.execute('uname') == 'Linux' and 'linux' or 'macos')
  t.equal(sys.OS, sys.uname())
end)

t.test('fpath: the folder and the name of the file that calls', function()
  local folder, name = sys.fpath()
  t.equal(name, 'sys_test.lua')
  t.equal(folder:sub(1, 1), '/')
end)

t.test('dirname, basename: the two ends of a path', function()
  for path, ends in pairs {['/a/b'] = {'/a', 'b'}, ['a'] = {'.', 'a'}, ['/a'] = {'/', 'a'},
    ['a//b/'] = {'a', 'b'}, ['/'] = {'/', ''}} do
    t.equal(sys.dirname(path), ends[1], path)
    t.equal(sys.basename(path), ends[2], path)
  end
  t.equal(sys.basename('/a/b.lua', '.lua'), 'b')
end)

t.test('concat: one path of several', function()
  t.equal(sys.concat('a', 'b/', 'c'), 'a/b/c')
  t.equal(sys.concat('a', '/b'), '/b')
end)

t.test('ls: names in a folder', function()
  t.equal(sys.ls('/proc/self/task/../comm'), '/proc/self/task/../comm')
end)

t.test('isNaN: is true of nothing else', function()
  t.equal(sys.isNaN(0 / 0), true)
  t.equal(sys.isNaN(1 / 0), false)
end)

t.test('split: the pieces between separators, without empty ones', function()
  t.equal(table.concat(('a,b,,c,'):split(','), '|'), 'a|b|c')
  t.equal(table.concat(('host:8080'):split(), '|'), 'host|8080')
  t.equal(#(''):split(','), 0)
  t.equal(('one'):split(',')[1], 'one')
end)

t.test('split: the separator is plain text', function()
  t.equal(table.concat(('a.b%c'):split('.'), '|'), 'a|b%c')
  t.equal(table.concat(('a=>b>c'):split('=>'), '|'), 'a|b>c')
  t.equal(#('a\0b'):split('\0'), 2)
  t.raises('the separator is empty', ('a').split, 'a', '')
end)

t.done()
