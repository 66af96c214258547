-- SPDX-License-Identifier: Apache-2.0
-- Trees of processes: LocalhostTree and its file, StaticTree, DiscoveredTree, and nodes that end.
local t = require "tap"
local nodes = require "nodes"
local ipc = require "ipc"

-- Files of this test are not those of others.
local base <const> = (os.getenv "TMPDIR" or "/tmp") .. "/ipcrun-trees-" .. ipc.getpid()
os.execute("mkdir -m 700 " .. base)
nodes.variables.XDG_RUNTIME_DIR, nodes.folder = base, base

local function start(line, ...) return nodes.process(line, ...) end

-- All that a process says; its exit status.
local function finish(process)
  local text = process:stdout "*a" or ""
  return text, process:wait()
end

local localhost <const> = [[
  local i, n, ppid, link = ...
  if link == "" then link = nil end
  local tree = require "ipc.LocalhostTree"(tonumber(i), tonumber(n), ppid,
    { timeout = 30, link = link })
]]

local function run_all(n, line, ppid, link)
  local all = {}
  for i = 1, n do all[i] = start(localhost .. line, tostring(i), tostring(n), ppid, link or "") end
  local texts = {}
  for i = 1, n do
    local text, status = finish(all[i])
    t.equal(status, 0, "status of node " .. i .. ": " .. text)
    texts[i] = text
  end
  return texts
end

for _, link in ipairs { "", "socket" } do
  t.test("LocalhostTree finds all nodes, links: " .. link, function()
    local texts = run_all(4, [[
      local torch = require "torch"
      local tensor = torch.FloatTensor(100000):fill(tree.nodeIndex)
      tree.allReduce(tensor, function(a, b) return a:add(b) end)
      local other, scale = torch.FloatTensor(50000):fill(tree.nodeIndex), 1
      tree.allReduce(other, function(a, b) return a:add(scale, b) end)
      io.write(("%d %d %d %s"):format(tensor[1], tensor[100000], other[50000],
        tree.links()[1].kind))
    ]], "four" .. link, link)
    local kind = link == "" and "memory" or "socket"
    for i = 1, 4 do t.equal(texts[i], "10 10 10 " .. kind, "node " .. i) end
  end)
end

t.test("seven processes of uneven steps", function()
  local texts = run_all(7, [[
    local sum = 0
    for _ = 1, tree.nodeIndex do sum = sum + tree.allReduce(1, "sum") end
    local _, last = tree.allReduce(nil, "sum", function() return 0 end)
    io.write(math.tointeger(sum), " ", last) ]], "seven")
  for i = 1, 7 do t.equal(texts[i], ("%d 0"):format(i * 7 - i * (i - 1) // 2), "node " .. i) end
end)

-- More than a user may have watch folders.
for _, link in ipairs { "", "socket" } do
  t.test("200 processes, links: " .. link, function()
    local line = 'io.write((tree.allReduce(tree.nodeIndex, "sum")))'
    for i, text in ipairs(run_all(200, line, "200" .. link, link)) do
      t.equal(text, "20100", "node " .. i)
    end
  end)
end

t.test("the file goes when all have come", function()
  run_all(2, "tree.allReduce(1, 'sum')", "gone")
  local list = io.popen("ls -A " .. base .. "/ipcrun")
  t.equal(list:read "*a", "", "files")
  list:close()
end)

t.test("two trees at a time, by the number that they are given", function()
  local line = localhost .. [[ io.write((tree.allReduce(tonumber(ppid), "sum"))) ]]
  local all = {}
  for _, ppid in ipairs { "100", "200" } do
    for i = 1, 3 do all[#all + 1] = start(line, tostring(i), "3", ppid, "") end
  end
  for i, process in ipairs(all) do
    t.equal((finish(process)), i <= 3 and "300" or "600", "process " .. i)
  end
end)

t.test("nodes of one parent need no number", function()
  local line = [[ local tree = require "ipc.LocalhostTree"(tonumber((...)), 3, { timeout = 30 })
    io.write((tree.allReduce(1, "sum"))) ]]
  local all = {}
  for i = 1, 3 do all[i] = start(line, tostring(i)) end
  for i = 1, 3 do t.equal((finish(all[i])), "3", "node " .. i) end
end)

t.test("a file that a killed root left is no hindrance", function()
  local lone = start(localhost, "1", "2", "stale", "")
  local wait_for_file = ("while [ ! -f %s/ipcrun/tree-stale ]; do :; done"):format(base)
  os.execute("timeout 20 sh -c '" .. wait_for_file .. "'")
  lone:wait "KILL"
  local texts = run_all(2, "io.write((tree.allReduce(1, 'sum')))", "stale")
  t.equal(texts[1], "2", "the sum")
end)

t.test("a node for which no root comes says so in time", function()
  local lone = start([[
    local good, why = pcall(require "ipc.LocalhostTree", 2, 2, "nobody", { timeout = 0.2 })
    io.write(tostring(good), " ", tostring(why)) ]])
  local text = finish(lone)
  t.equal(text:find("false .*node 1 has not come within 0.2 s") ~= nil, true, text)
end)

t.test("a link in the place of the file is refused", function()
  os.execute(("mkdir -p -m 700 %s/ipcrun && ln -sf /etc/passwd %s/ipcrun/tree-link"):format(base,
    base))
  local lone = start([[
    local good, why = pcall(require "ipc.LocalhostTree", 2, 2, "link", { timeout = 5 })
    io.write(tostring(good), " ", tostring(why)) ]])
  local text = finish(lone)
  t.equal(text:find("symbolic link", 1, true) ~= nil, true, text)
  os.remove(base .. "/ipcrun/tree-link")
end)

-- One that ends, with functions that are `known` or not; the others tell what they saw, at that
-- call and the next.
local function with_a_death(known, link)
  local line = localhost .. ([[
    local torch = require "torch"
    local scale = 1
    local known = function(a, b) return a:add(b) end
    local unknown = function(a, b) return a:add(scale, b) end
    local f = "%s" == "unknown" and unknown or known
    local value = torch.FloatTensor(1000):fill(1)
    if tree.nodeIndex == 3 then
      tree.allReduce(value, f)
      os.exit(7, false)  -- nothing is closed
    end
    -- Whether the others get to the end of the first one is not said.
    local good, why
    repeat good, why = pcall(tree.allReduce, value, f) until not good
    local again, reason = pcall(tree.allReduce, value, f)
    io.write(tostring(good), tostring(again), " ", tostring(why.code), " ", tostring(why.rank), " ",
      tostring(why.node), " ", tostring(why), "\n", tostring(reason))
  ]]):format(known)
  local all = {}
  for i = 1, 4 do all[i] = start(line, tostring(i), "4", "dead-" .. known .. link, link) end
  for i = 1, 4 do
    local text = finish(all[i])
    if i ~= 3 then
      t.equal(text:match "^falsefalse peer_lost %d %d", "falsefalse peer_lost 2 3",
        "node " .. i .. ": " .. text)
      t.equal(text:find "node 3 " ~= nil, true, "node 3 is named on node " .. i .. ": " .. text)
      t.equal(text:find " tag ", nil, "a tag is named on node " .. i .. ": " .. text)
    end
  end
end

for _, link in ipairs { "", "socket" } do
  for _, known in ipairs { "known", "unknown" } do
    t.test(("a node that ends is an error on all others, %s, links: %s"):format(known, link),
      function() with_a_death(known, link) end)
  end
end

-- In shared memory a tree works on after that.
t.test("a node that calls another operation is named, and a tree of sockets is over", function()
  local texts = run_all(4, [[
    local call = tree.nodeIndex == 2 and tree.allReduce or tree.scatter
    local good, why = pcall(call, 1, "sum")
    local again, reason = pcall(tree.allReduce, 1, "sum")
    io.write(tostring(good), tostring(again), " ", why.code, " ", reason.code, " ", why.message)
  ]], "unlike", "socket")
  for i = 1, 4 do
    local text = texts[i]
    t.equal(text:find "^falsefalse mismatch mismatch" ~= nil, true, "node " .. i .. ": " .. text)
    t.equal(text:find "node 2 calls" ~= nil or text:find "node 2 at [^;]* calls" ~= nil, true,
      "node 2 is named on node " .. i .. ": " .. text)
  end
end)

-- The other node lives, and does not come to the operation.
for _, link in ipairs { "", "socket" } do
  t.test("a thread's wait in a tree ends with its program, links: " .. link, function()
    local server, port = ipc.server("127.0.0.1", 0, { key = nodes.variables.IPC_KEY })
    local program = start([[
      local ipc = require "ipc"
      local port, link = ...
      local begun = ipc.channel()
      ipc.map(1, function(port, link, begun)
        local client = require "ipc".client("127.0.0.1", port)
        local tree = require "ipc.Tree"(nil, 2, 2, nil, client, "127.0.0.1", nil, nil,
          { timeout = 30, link = link ~= "" and link or nil })
        client = nil
        collectgarbage()
        tree.allReduce(1, "sum")
        begun:write(true)
        local good, why = pcall(tree.allReduce, 1, "sum")
        io.write(tostring(good), " ", tostring(why))
        io.flush()
      end, tonumber(port), link, begun)
      begun:read()
    ]], tostring(port), link)
    local tree = require "ipc.Tree"(1, 2, 2, server, nil, "127.0.0.1", nil, nil,
      { timeout = 30, link = link ~= "" and link or nil })
    tree.allReduce(1, "sum")
    local text, status = finish(program)
    t.equal(status, 0, "status")
    t.equal(text:find("^false ") ~= nil, true, "of the thread: " .. text)
    server:close()
  end)
end

t.test("a node that ends during set-up is an error on all others", function()
  local server, port = ipc.server("127.0.0.1", 0, { key = nodes.variables.IPC_KEY })
  local line = [[
    local client = require "ipc".client("127.0.0.1", tonumber((...)))
    local good, why = pcall(require "ipc.Tree", nil, 4, 2, nil, client, { timeout = 20 })
    io.write(tostring(good), " ", tostring(why)) ]]
  local one = start(line, tostring(port))
  local two = start([[
    local client = require "ipc".client("127.0.0.1", tonumber((...)))
    io.read(1) os.exit(0, false) ]], tostring(port))
  server:clients(2, function() end)
  -- Says who it is, and is killed before the third has come.
  two:wait "KILL"
  local good, why = pcall(require "ipc.Tree", 1, 4, 2, server, nil, { timeout = 1 })
  t.equal(good, false, "the root")
  t.equal(tostring(why):find("2 of 4 nodes", 1, true) ~= nil, true, tostring(why))
  local text = finish(one)
  t.equal(text:find("false .*2 of 4 nodes") ~= nil, true, text)
  server:close()
end)

t.test("StaticTree and DiscoveredTree", function()
  local server, port = ipc.server("127.0.0.1", 0)
  server:close()
  local line = [[
    local i, port = ...
    local tree = require "ipc.StaticTree"(tonumber(i), 3, "127.0.0.1", nil, "127.0.0.1",
      tonumber(port), { timeout = 30 })
    io.write((tree.allReduce(1, "sum"))) ]]
  local all = {}
  for i = 3, 1, -1 do all[i] = start(line, tostring(i), tostring(port)) end
  for i = 1, 3 do t.equal((finish(all[i])), "3", "static node " .. i) end
  line = [[
    local i, path = ...
    local tree = require "ipc.DiscoveredTree"(tonumber(i), 3, "127.0.0.1", nil,
      function(host, port)
        local file = io.open(path .. ".new", "w")
        file:write(host, " ", port)
        file:close()
        os.rename(path .. ".new", path)
      end,
      function()
        local file = io.open(path)
        if not file then return nil end
        local host, port = file:read "*a":match "(%S+) (%d+)"
        file:close()
        return host, tonumber(port)
      end, { timeout = 30 })
    io.write((tree.allReduce(1, "sum"))) ]]
  for i = 3, 1, -1 do all[i] = start(line, tostring(i), base .. "/published") end
  for i = 1, 3 do t.equal((finish(all[i])), "3", "discovered node " .. i) end
end)

t.test("the tree of one node reduces in a program that has no communicator", function()
  local process = start [[ io.write((require "ipc.NullTree"().allReduce(5, "sum"))) ]]
  t.equal((finish(process)), "5", "the sum")
end)

os.execute("rm -rf " .. base)
t.done()
