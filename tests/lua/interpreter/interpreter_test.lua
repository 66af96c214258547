-- SPDX-License-Identifier: Apache-2.0
-- Proves, from the outside, what ipcrun-lua does with its options, arguments, input and errors, and
-- that its manual page lists the options that --help lists. Errors in a job: report_test.cpp.
-- Run by ipcrun-lua itself; IPCRUN_LUA is its path, MAN_PAGE the source of its manual page.

local interpreter = assert(os.getenv('IPCRUN_LUA'), 'IPCRUN_LUA is not set')
local count, failed = 0, 0

local function ok(good, what, detail)
  count = count + 1
  if not good then failed = failed + 1 end
  print(('%s %d - %s'):format(good and 'ok' or 'not ok', count, what))
  if not good then print('# ' .. tostring(detail):gsub('\n', '\n# ')) end
end

local function quote(word) return "'" .. word:gsub("'", "'\\''") .. "'" end

local folder = os.tmpname()
os.remove(folder)
assert(os.execute('mkdir ' .. quote(folder)))

local function write(name, text)
  local path = folder .. '/' .. name
  local file <close> = assert(io.open(path, 'w'))
  file:write(text)
  return path
end

-- Runs the interpreter; returns standard output, standard error and the exit status.
local function run(arguments, input, environment)
  local words = { 'env', '-u', 'LUA_INIT', '-u', 'LUA_INIT_5_4', '-u', 'IPCRUN_RANK' }
  for _, setting in ipairs(environment or {}) do words[#words + 1] = quote(setting) end
  words[#words + 1] = quote(interpreter)
  for _, argument in ipairs(arguments) do words[#words + 1] = quote(argument) end
  local stdin, stderr = write('stdin', input or ''), folder .. '/stderr'
  local command = table.concat(words, ' ') .. ' <' .. quote(stdin) .. ' 2>' .. quote(stderr)
  local pipe = assert(io.popen(command))
  local out = pipe:read('a')
  local _, _, status = pipe:close()
  local file <close> = assert(io.open(stderr))
  return out, file:read('a'), status
end

-- Checks all three results; patterns are plain text, and nil is not looked at.
local function expect(what, call, out, err, status)
  local got_out, got_err, got_status = run(table.unpack(call, 1, 3))
  local good = (out == nil or got_out == out)
    and (err == nil or (err == '' and got_err == '') or (err ~= '' and got_err:find(err, 1, true)))
    and got_status == (status or 0)
  ok(good, what, ('stdout: %s\nstderr: %s\nstatus: %s'):format(got_out, got_err, got_status))
end

-- Options.
expect('-e runs code', { { '-e', 'print(1 + 1)' } }, '2\n', '')
expect('-e takes its code attached', { { '-eprint(3)' } }, '3\n', '')
expect('several -e share globals', { { '-e', 'x = 1', '-e', 'print(x)' } }, '1\n', '')
expect('-v prints the version', { { '-v' } }, nil, '')
ok(run({ '-v' }):find('^Lua 5%.4'), '-v names the version of Lua first', run({ '-v' }))
write('mod.lua', 'return {name = ...}')
local path = 'LUA_PATH=' .. folder .. '/?.lua'
expect('-l requires a module into a global', { { '-l', 'mod', '-e', 'print(mod.name)' }, '',
  { path } },
  'mod\n', '')
expect('-l NAME=MOD names the global', { { '-lm=mod', '-e', 'print(m.name, mod)' }, '', { path } },
  'mod\tnil\n', '')
expect('-l of what is not there fails', { { '-l', 'nowhere' } }, '',
  "module 'nowhere' not found", 1)
expect('warnings are off at first', { { '-e', 'warn("careful")' } }, '', '')
expect('-W turns them on', { { '-W', '-e', 'warn("careful")' } }, '', 'Lua warning: careful\n')
expect('-E ignores LUA_PATH and LUA_INIT', { { '-E', '-e', 'print(pcall(require, "mod"))' }, '',
  { path, 'LUA_INIT=print("init")' } }, nil, '')
ok(run({ '-E', '-e', 'print((pcall(require, "mod")))' }, '', { path,
  'LUA_INIT=print(1)' }) == 'false\n',
  '-E hides modules of LUA_PATH')
expect('LUA_INIT runs first', { { '-e', 'print(2)' }, '', { 'LUA_INIT=print(1)' } }, '1\n2\n', '')
expect('LUA_INIT_5_4 goes before LUA_INIT', { { '-e', '' }, '',
  { 'LUA_INIT=print(1)', 'LUA_INIT_5_4=print(54)' } }, '54\n', '')
expect('LUA_INIT=@FILE runs a file', { { '-e', '' }, '',
  { 'LUA_INIT=@' .. write('init.lua', 'print("file")') } }, 'file\n', '')
expect('an error in LUA_INIT ends the program', { { '-e', 'print(1)' }, '',
  { 'LUA_INIT=error("bad init")' } }, '', 'bad init', 1)
expect('an unknown option is an error of one line', { { '-x' } }, '',
  "ipcrun-lua: unknown option '-x' (see ipcrun-lua --help)\n", 1)
expect('an option without its argument is an error', { { '-e' } }, '',
  "'-e' needs an argument STAT", 1)
expect('-h prints the help', { { '-h' } }, run({ '--help' }), '')

-- The script and its arguments.
local show = write('show.lua', [[
  local words = {}
  for i = -9, 9 do if arg[i] then words[#words + 1] = i .. '=' .. arg[i]:match('[^/]*$') end end
  print(table.concat(words, ' '), select('#', ...), ...)]])
expect('arg and ... hold the arguments', { { '-e', '', show, 'a', 'b c', '' } },
  "-3=ipcrun-lua -2=-e -1= 0=show.lua 1=a 2=b c 3=\t3\ta\tb c\t\n", '')
expect('options end at the script', { { show, '-e' } }, '-1=ipcrun-lua 0=show.lua 1=-e\t1\t-e\n',
  '')
expect('options end at --', { { '--', show } }, '-2=ipcrun-lua -1=-- 0=show.lua\t0\n', '')
expect('- runs standard input', { { '-', 'x' }, 'print(arg[0], ...)' }, '-\tx\n', '')
expect('without a script, input that is no terminal is run', { {}, 'print("in")' }, 'in\n', '')
expect('a first line with # is skipped', { { write('hash.lua',
  '#!/usr/bin/env ipcrun-lua\nprint(1)') } },
  '1\n', '')
expect('10000 arguments arrive', { { '-e',
  'for i = 1, 10000 do arg[i] = i end', write('many.lua', 'print(select("#", ...))') } },
  '10000\n', '')

-- Errors.
local boom = write('boom.lua', 'local function f()\n  error("boom")\nend\nf()')
local _, err, status = run({ boom })
ok(status == 1 and err:find('^ipcrun%-lua: [^\n]*boom%.lua:2: boom\nstack traceback:\n')
  and err:find("boom.lua:2: in ", 1, true) and err:find('boom.lua:4: in main chunk', 1, true),
  'an error shows file, line and traceback', err)
expect('a script that is not there', { { folder .. '/none.lua' } }, '', 'cannot open', 1)
_, err = run({ write('syntax.lua', 'x = = 1') })
ok(err:find("syntax.lua:1: unexpected symbol near '='", 1, true) and not err:find('traceback'),
  'a script that does not compile is one line', err)
expect('an error object with __tostring is text', { { '-e',
  'error(setmetatable({}, {__tostring = function() return "as text" end}))' } }, '',
  'ipcrun-lua: as text', 1)
expect('an error object without is named by type', { { '-e', 'error({})' } }, '',
  'ipcrun-lua: (the error is a table value)', 1)
expect('error(nil) is an error', { { '-e', 'error()' } }, '', '(the error is a nil value)', 1)
expect('a __tostring that raises does not end badly', { { '-e',
  'error(setmetatable({}, {__tostring = function() error("inner") end}))' } }, '', 'inner', 1)
expect('output before an error is not lost', { { '-e', 'io.write("partial") error("x")' } },
  'partial', 'x', 1)
expect('endless recursion is an error', { { '-e',
  'local function f() return 1 + f() end f()' } }, '',
  'stack overflow', 1)
local limited = { 'sh', '-c', 'ulimit -v 300000; exec "$@"', 'sh' }
if select(3, run({ '-v' }, '', limited)) == 0 then
  expect('memory that is not there is an error', { { '-e',
    'local t = {} for i = 1, 1e9 do t[i] = ("x"):rep(1e6 + i) end' }, '', limited }, '',
    'not enough memory', 1)
else
  ok(true, 'memory that is not there is an error # SKIP a sanitizer wants more address space')
end

-- What is there without a require.
expect('torch, sys and string.split are there without a require', { { '-e',
  'print(torch.ones(3):sum(), sys.uname(), ("a,b"):split(",")[2])' } }, '3.0\tlinux\tb\n', '')
expect('they are what require gives', { { '-e',
  'print(torch == require "torch", sys == require "sys")' } }, 'true\ttrue\n', '')
expect('a script that does not use them does not load them', { { '-e',
  'print(rawget(_G, "torch"), rawget(_G, "sys"), package.loaded.torch, package.loaded.sys)' } },
  'nil\tnil\tnil\tnil\n', '')
expect('other globals are nil', { { '-e', 'print(undefined, nn, lapp, ipc, _G[1])' } },
  'nil\tnil\tnil\tnil\tnil\n', '')
expect('torch can be replaced by the script', { { '-e', 'torch = 5 print(torch)' } }, '5\n', '')
expect('in the interactive mode they are there too', { { '-i' }, 'torch.ones(2):sum()\n' }, nil, '')
expect('_G may get a metatable of the script', { { '-e', [[
  setmetatable(_G, {__index = function(_, name) return 'my ' .. name end})
  print(x, torch)]] } }, 'my x\tmy torch\n', '')
expect('an __index of the script is used in the place of ours', { { '-e', [[
  getmetatable(_G).__index = function(_, name) return 'no ' .. name end
  torch = require 'torch'
  print(x, torch.ones(2):sum())]] } }, 'no x\t2.0\n', '')
expect('an environment over _G finds them', { { '-e', [[
  local _ENV = setmetatable({}, {__index = _G})
  print(torch.ones(2):sum())]] } }, '2.0\n', '')
expect('a split of the script stays', { { '-e', [[
  string.split = function() return 'mine' end
  print(("a,b"):split(","), torch and sys and ("a,b"):split(","))]] } }, 'mine\tmine\n', '')
expect('packages of torch that are not ours are not found', { { '-e', 'require "nn"' } }, '',
  "module 'nn' not found", 1)

-- The end of a program.
expect('os.exit gives its status', { { '-e', 'os.exit(7)' } }, '', '', 7)
local closing = 'local x <close> = setmetatable({}, {__close = function() print("close") end})\n'
  .. 'y = setmetatable({}, {__gc = function() print("gc") end})\n'
expect('os.exit(n, true) closes the state', { { write('exit.lua', closing
  .. 'os.exit(3, true)') } },
  'close\ngc\n', '', 3)
expect('the state is closed at the end', { { write('end.lua', closing) } }, 'close\ngc\n', '')
expect('and after an error', { { write('after.lua', closing .. 'error("x")') } }, 'close\ngc\n',
  'x', 1)
expect('output that cannot be written is an error', { { '-e',
  'io.output("/dev/full") io.stdout:write("x")' }, '', { 'sh', '-c', 'exec "$@" >/dev/full',
  'sh' } }, '',
  'standard output', 1)

-- The interactive mode; the first line is the version.
local function session(input, arguments)
  local out, errors = run(arguments or { '-i' }, input)
  return out:gsub('^[^\n]*\n', ''), errors
end
ok(session('1 + 1, nil\n') == '> 2\tnil\n> \n', '-i prints the values of expressions',
  session('1 + 1, nil\n'))
ok(session('for i = 1, 2 do\nprint(i)\nend\n') == '> >> >> 1\n2\n> \n',
  '-i continues unfinished statements')
ok(session('x = 5\nx\n') == '> > 5\n> \n', '-i keeps globals between lines')
ok(session('_PROMPT = "? "\n') == '> ? \n', '-i takes its prompt from _PROMPT')
ok(session('print(y)\n', { '-e', 'y = 8', '-i' }) == '> 8\n> \n', '-i comes after -e')
ok(session(('x'):rep(5000) .. '\n') == '> nil\n> \n', '-i reads lines of any length')
local out, errors = session('error("oops")\nx = = 1\nprint("on")\n')
ok(out == '> > > on\n> \n' and errors:find('stdin:1: oops\nstack traceback', 1, true)
  and errors:find("near '='", 1, true), '-i shows errors and goes on', out .. errors)
out, errors = session('do\n')
ok(out == '> >> \n' .. '> \n' or errors:find('<eof>', 1, true), '-i ends inside a statement', out
  .. errors)

-- The manual page.
local function option_names(text, pattern)
  local names = {}
  for name in text:gmatch(pattern) do names[#names + 1] = name end
  table.sort(names)
  return table.concat(names, '\n')
end
local man_path = os.getenv('MAN_PAGE')
if man_path then
  local file <close> = assert(io.open(man_path))
  local section = file:read('a'):match('\n# OPTIONS\n(.-)\n# ')
  local manual = {}
  for line in section:gmatch('[^\n]+') do
    -- "*-h*, *--help*" and "*-l* _NAME_=_MOD_": one entry for each, without the marks.
    if line:match('^%*%-') then
      for entry in line:gmatch('[^,]+') do manual[#manual + 1] = entry:gsub('[*_\\]',
      ''):match('^%s*(.-)%s*$') end
    end
  end
  table.sort(manual)
  local help = option_names(run({ '--help' }), '\n  (%-[^\n]-)%s%s+')
  ok(table.concat(manual, '\n') == help, 'the manual page and --help list the same options',
    table.concat(manual, ' ') .. '\n' .. help:gsub('\n', ' '))
end

assert(os.execute('rm -r ' .. quote(folder)))
print('1..' .. count)
os.exit(failed == 0, true)
