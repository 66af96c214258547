-- SPDX-License-Identifier: Apache-2.0
-- How trees of processes come about: nodes that die at any step, signals, options by their names,
-- and who may start nodes.
local t = require "tap"
local nodes = require "nodes"
local ipc = require "ipc"

local base <const> = (os.getenv "TMPDIR" or "/tmp") .. "/ipcrun-set-up-" .. ipc.getpid()
os.execute("mkdir -m 700 " .. base)
nodes.variables.XDG_RUNTIME_DIR, nodes.folder = base, base

local nodes_count <const> = 4
-- A node that may kill itself when it calls a function of this name for the count-th time.
local mortal <const> = [[
  local index, link, step, count, name, timeout = ...
  count = tonumber(count)
  local ipc = require "ipc"
  if step ~= "" then
    debug.sethook(function()
      if debug.getinfo(2, "n").name ~= step then return end
      count = count - 1
      if count == 0 then os.execute("kill -9 " .. ipc.getpid()) end
    end, "c")
  end
  local good, why = pcall(require "ipc.LocalhostTree", tonumber(index), 4, name,
    { timeout = tonumber(timeout), link = link ~= "" and link or nil })
  if good then good, why = pcall(why.allReduce, 1, "sum") end
  io.write(tostring(good), " ", type(why) == "table" and why.code or "", " ", tostring(why))
]]

-- `dead` dies so; all others get an error of this code soon, and the texts of some name it: as a
-- process, before it has said which node it is.
local function with_a_death(dead, link, step, count, code, timeout)
  local name = table.concat({ "dies", dead, link, step, count }, "-")
  local began, all, names, texts = ipc.clock(), {}, 0, {}
  for i = 1, nodes_count do
    all[i] = nodes.process(mortal, tostring(i), link, i == dead and step or "", tostring(count),
      name, tostring(timeout or 60))
  end
  local pid = all[dead]:pid()
  for i = 1, nodes_count do
    local text = all[i]:stdout "*a" or ""
    texts[i] = text
    local status, signal = all[i]:wait()
    if i == dead then
      t.equal(signal, "KILL", "how it ended, after status " .. tostring(status))
    else
      t.equal(text:find("^false " .. code) ~= nil, true, name .. ", node " .. i .. ": " .. text)
      if text:find("node " .. dead, 1, true) or text:find("(pid " .. pid .. " ", 1, true) then
        names = names + 1
      end
    end
  end
  t.equal(ipc.clock() - began < 30, true, "soon")
  t.equal(names > 0, true, "a node names the dead one: " .. table.concat(texts, "; "))
end

-- All others have to be there within the time-out, also on a busy machine.
-- Who dies right after it has come may be lost, or as good as never there.
for _, case in ipairs {
  { 3, "", "hold", 1, "timeout", 4 }, { 3, "", "hear", 1, "%a", 4 }, { 3, "", "in_group", 1 },
  { 3, "", "call", 1 }, { 3, "socket", "hear", 1, "%a", 4 }, { 2, "socket", "listen", 1 },
  { 2, "socket", "accept", 1 }, { 3, "socket", "hold", 2 }, { 4, "socket", "tell", 3 },
  { 1, "", "publish", 1, "timeout", 4 }, { 1, "", "wait_for", 1, "%a", 4 },
  { 1, "", "shape", 1 }, { 1, "", "call", 1 }, { 1, "socket", "hear_all", 1 },
} do
  t.test(("trees: node %d dies in %s of set-up, %s"):format(case[1], case[3],
    case[2] == "" and "by memory" or "by sockets"), function()
    with_a_death(case[1], case[2], case[3], case[4], case[5] or "peer_lost", case[6])
  end)
end

local function interrupt(process)
  os.execute("kill -INT " .. process:pid())
  local _, signal = process:wait()
  t.equal(signal, "INT", "what ended it")
end

-- What waits, after it has said so.
local waits <const> = {
  ["for the root's file"] = [[require "ipc.LocalhostTree"(2, 2, "interrupted")]],
  ["for nodes"] = [[require "ipc.LocalhostTree"(1, 2, "interrupted-too")]],
  ["for a root that does not listen"] = [[
    require "ipc.StaticTree"(2, 2, "127.0.0.1", nil, "127.0.0.1", 1)]],
  ["in query()"] = [[
    require "ipc.DiscoveredTree"(2, 2, nil, nil, print, function() end)]],
}
for what, call in pairs(waits) do
  t.test("trees: Ctrl-C ends a node that waits " .. what, function()
    local process = nodes.process("io.write('now\\n') io.flush() " .. call)
    t.equal(process:stdout "*l", "now", "what it says")
    local began = ipc.clock()
    interrupt(process)
    t.equal(ipc.clock() - began < 10, true, "soon")
  end)
end

for _, link in ipairs { "", "socket" } do
  t.test("trees: Ctrl-C ends a reduction, which the other nodes learn, links: " .. link, function()
    local script = [[
      local index, name, link = ...
      local tree = require "ipc.LocalhostTree"(tonumber(index), 2, name,
        { timeout = 30, link = link ~= "" and link or nil })
      tree.allReduce(1, "sum")
      io.write "now\n" io.flush()
      if index == "1" then
        tree.allReduce(1, "sum")
      else
        io.read(1)
        -- The first may still be done: what it needs of the other node was there.
        local good, why
        repeat good, why = pcall(tree.allReduce, 1, "sum") until not good
        io.write(tostring(why.code))
      end ]]
    local first = nodes.process(script, "1", "stop" .. link, link)
    local second = nodes.process(script, "2", "stop" .. link, link)
    t.equal(second:stdout "*l", "now", "what the other says")
    t.equal(first:stdout "*l", "now", "what it says")
    interrupt(first)
    second:stdin "x"
    t.equal(second:stdout "*a", "peer_lost", "the other node")
    second:wait()
  end)
end

-- Every kind of tree with an option of each name; node 2 has others, where they are to differ.
local makers <const> = {
  Tree = [[
    local ipc = require "ipc"
    local function public(o)
      return { key = o.key, key_file = o.key_file, encrypt = o.encrypt }
    end
    local server, client
    if index == 1 then server = ipc.server("127.0.0.1", port, public(options))
    else
      local own = public(options)
      own.timeout = options.timeout
      client = ipc.client("127.0.0.1", port, own)
    end
    return require "ipc.Tree"(index, 2, 2, server, client, "127.0.0.1", nil, options)]],
  StaticTree = [[return require "ipc.StaticTree"(index, 2, "127.0.0.1", nil, "127.0.0.1", port,
    options)]],
  DiscoveredTree = [[return require "ipc.DiscoveredTree"(index, 2, "127.0.0.1", port,
    function() end,
    function() return "127.0.0.1", port end, options)]],
  LocalhostTree = [[return require "ipc.LocalhostTree"(index, 2, name, options)]],
}

local function with_options(maker, of_root, of_node)
  local server, port = ipc.server("127.0.0.1", 0)
  server:close()
  local all = {}
  for i, options in ipairs { of_root, of_node } do
    all[i] = nodes.process(([[
      local index, port, name = ...
      index, port = tonumber(index), tonumber(port)
      local options = %s
      local good, why = pcall(function() %s end)
      if good then good, why = pcall(why.allReduce, 1, "sum") end
      io.write(tostring(good), " ", tostring(why)) ]]):format(options, makers[maker]),
      tostring(i), tostring(port), maker .. port)
  end
  local texts = {}
  for i = 1, 2 do
    texts[i] = all[i]:stdout "*a" or ""
    all[i]:wait()
  end
  return texts
end

local key_file <const> = base .. "/key"
local file <close> = assert(io.open(key_file, "w"))
file:write "another key, which is long enough"
file:close()
os.execute("chmod 600 " .. key_file)
for maker in pairs(makers) do
  t.test("trees: options by their names, of " .. maker, function()
    local in_text = "{ key = 'another key, which is long enough', timeout = 30 }"
    local in_file = ("{ key_file = '%s', timeout = 30, encrypt = true, link = 'socket' }")
      :format(key_file)
    for _, options in ipairs { in_text, in_file } do
      for i, text in ipairs(with_options(maker, options, options)) do
        t.equal(text, "true 2", ("node %d, %s"):format(i, options))
      end
    end
    -- The key of the environment is another one.
    local texts = with_options(maker, in_text:gsub("30", "1"), "{ timeout = 1 }")
    t.equal(texts[1]:find "^false" ~= nil, true, texts[1])
    t.equal(texts[2]:find "^false" ~= nil, true, texts[2])
    t.raises("unknown option 'keys'", require("ipc." .. maker), 1, 2, { keys = 1 })
  end)
end

t.test("trees: netStats names the links of shared memory, too", function()
  local all = {}
  for i = 1, 2 do
    all[i] = nodes.process([[require "ipc.LocalhostTree"(tonumber(...), 2, "stats").netStats()]],
      tostring(i))
  end
  for i = 1, 2 do
    local text = all[i]:stdout "*a" or ""
    all[i]:wait()
    t.equal(text:find(("node %d (memory, "):format(3 - i), 1, true) ~= nil, true, text)
  end
end)

t.test("trees: children of parallel are nodes", function()
  local process = nodes.process [[
    require "parallel"
    local children = parallel.nfork(3)
    children:exec(function()
      local tree = require "ipc.LocalhostTree"(parallel.id, 3, { timeout = 30 })
      parallel.parent:send((tree.allReduce(parallel.id, "sum")))
    end)
    for _, sum in pairs(children:receive()) do io.write(sum, " ") end
    children:sync()
    parallel.close() ]]
  t.equal(process:stdout "*a", "6 6 6 ", "sums")
  t.equal(process:wait(), 0, "its status")
end)

os.execute("rm -rf " .. base)
t.done()
