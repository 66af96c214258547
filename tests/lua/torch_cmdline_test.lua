-- SPDX-License-Identifier: Apache-2.0
-- torch.CmdLine. What ends the program is tried in a program: LUA, with the same environment.
local torch = require 'torch'
local t = require 'tap'

local interpreter = arg[-1]

local function make()
  local cmd = torch.CmdLine()
  cmd:text()
  cmd:text('Trains a model.')
  cmd:argument('data', 'the folder')
  cmd:option('-rate', 0.1, 'the step')
  cmd:option('--name', 'none', 'of the run')
  cmd:option('-verbose', false, 'says more')
  return cmd
end

-- Everything that help() writes, by a file.
local function help_of(cmd, words)
  local file <close> = assert(io.tmpfile())
  cmd:help(words, file)
  file:seek('set')
  return file:read('a')
end

-- Runs the statements behind a CmdLine called cmd; returns its output, errors too, and its status.
local function run(statements)
  local path = os.tmpname()
  local file = assert(io.open(path, 'w'))
  file:write([[local torch = require 'torch'
    local cmd = torch.CmdLine()
    cmd:argument('data', 'the folder')
    cmd:option('-rate', 0.1, 'the step')
    ]], statements)
  file:close()
  local pipe = assert(io.popen(("'%s' '%s' 2>&1"):format(interpreter, path)))
  local text = pipe:read('a')
  local _, _, status = pipe:close()
  os.remove(path)
  return text, status
end

t.test('CmdLine: what is not given has its default', function()
  local params = make():parse {'mnist'}
  t.equal(params.data, 'mnist')
  t.equal(params.rate, 0.1)
  t.equal(params.name, 'none')
  t.equal(params.verbose, false)
end)

t.test('CmdLine: options have the type of their default', function()
  local params = make():parse {'-rate', '2', '--name', '7', '-verbose', 'mnist'}
  t.equal(params.rate, 2)
  t.equal(params.name, '7')
  t.equal(params.verbose, true)
  t.equal(params.data, 'mnist')
end)

t.test('CmdLine: an option that is true by default is turned off', function()
  local cmd = torch.CmdLine()
  cmd:option('-cuda', true)
  t.equal(cmd:parse({'-cuda'}).cuda, false)
end)

t.test('CmdLine: an option without a default, or with one of another type, is an error', function()
  local cmd = torch.CmdLine()
  t.raises('option -rate needs a default', cmd.option, cmd, '-rate')
  t.raises('option -rate is to be a number, but its default value is a string', cmd.option, cmd,
           '-rate', 'x', 'help', 'number')
end)

t.test('CmdLine: help lists what there is', function()
  t.equal(help_of(make(), {[0] = 'train.lua'}), [[
Usage: train.lua [options] <data>

Trains a model.
  <data>   the folder
  -rate    the step [0.1]
  --name   of the run [none]
  -verbose says more [false]
]])
end)

t.test('CmdLine: -help prints the help and ends the program', function()
  local text, status = run "cmd:parse {[0] = 'x', '-help'} print 'not reached'"
  t.equal(status, 0)
  t.equal(text, 'Usage: x [options] <data>\n  <data> the folder\n  -rate  the step [0.1]\n')
end)

for what, case in pairs {
  ['an argument that is missing'] = {"{}", 'argument <data> is missing'},
  ['an argument too many'] = {"{'a', 'b'}", "unknown option or argument 'b'"},
  ['an option that is not there'] = {"{'a', '-x'}", "unknown option or argument '-x'"},
  ['a value that is missing'] = {"{'a', '-rate'}", 'option -rate needs a value'},
  ['a value that is no number'] = {"{'-rate', 'b'}", "-rate: expected a number, got 'b'"},
} do
  t.test('CmdLine: ' .. what .. ' ends the program', function()
    local text, status = run('cmd:parse ' .. case[1] .. " print 'not reached'")
    t.equal(status, 1)
    assert(text:find(case[2], 1, true) and text:find('Usage:', 1, true), text)
    assert(not text:find('not reached', 1, true), text)
  end)
end

t.test('CmdLine: string names what differs from the defaults', function()
  local cmd = make()
  local params = cmd:parse {'mnist', '-rate', '2', '-verbose', '--name', 'x'}
  t.equal(cmd:string('run', params, {name = true}), 'run,data=mnist,rate=2,verbose=t')
  t.equal(cmd:string('run', cmd:parse {'mnist'}, {}), 'run,data=mnist')
  t.equal(cmd:string('', cmd:parse {'mnist'}, {rate = false}), 'data=mnist,rate=0.1')
  local other = torch.CmdLine(';', ':')
  other:option('-n', 1)
  t.equal(other:string('run', {n = 2}), 'run;n:2')
end)

t.test('CmdLine: log writes what is printed, and what was given', function()
  local path = os.tmpname()
  local text = run(("cmd:log('%s', {rate = 0.5}) print('one', 2)"):format(path))
  t.equal(text, 'one\t2\n')
  local file <close> = assert(io.open(path))
  local log = file:read('a')
  os.remove(path)
  assert(log:find('\nrate\t0.5\n', 1, true) and log:find('\none\t2\n$'), log)
end)

t.test('CmdLine: silent keeps it from the terminal, addTime puts the time before it', function()
  local path = os.tmpname()
  local text = run(([[cmd:silent() cmd:addTime('me', 'T') cmd:log('%s') print 'one']]):format(path))
  t.equal(text, '')
  local file <close> = assert(io.open(path))
  local log = file:read('a')
  os.remove(path)
  assert(log:find('\nT[me]: \tone\n', 1, true), log)
end)

t.test('CmdLine: is a class', function()
  t.equal(torch.type(torch.CmdLine()), 'torch.CmdLine')
  t.equal(torch.deserialize(torch.serialize(make())):parse({'x'}).rate, 0.1)
end)

t.done()
