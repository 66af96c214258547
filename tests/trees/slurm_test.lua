-- SPDX-License-Identifier: Apache-2.0
-- SlurmTree: tasks of pretended steps, as processes of this host; tests/slurm has real ones.
local t = require "tap"
local nodes = require "nodes"
local ipc = require "ipc"

local base <const> = (os.getenv "TMPDIR" or "/tmp") .. "/ipcrun-slurm-" .. ipc.getpid()
os.execute("mkdir -m 700 " .. base)
nodes.folder = base
local shared <const> = base .. "/on all hosts"
local plain <const> = {}
for name, value in pairs(nodes.variables) do plain[name] = value end
-- No srun is here that would make a world of the tasks.
plain.IPCRUN_BOOTSTRAP = "alone"

-- A process with these variables beside those of all.
local function start(variables, line, ...)
  nodes.variables = {}
  for name, value in pairs(plain) do nodes.variables[name] = value end
  for name, value in pairs(variables) do nodes.variables[name] = tostring(value) end
  local process = nodes.process(line, ...)
  nodes.variables = plain
  return process
end

local function finish(process)
  local text = process:stdout "*a" or ""
  return text, process:wait()
end

local job = 100

-- The variables of the tasks of a step, of which each host has so many; by turns if `is_cyclic`.
local function step(tasks_of, is_cyclic)
  local tasks, left, locals, total = {}, {}, {}, 0
  for host, count in ipairs(tasks_of) do
    left[host], locals[host], total = count, 0, total + count
  end
  local host = 1
  job = job + 1
  for i = 1, total do
    while left[host] == 0 do host = host % #left + 1 end
    tasks[i] = {
      SLURM_PROCID = i - 1, SLURM_NTASKS = 99, SLURM_STEP_NUM_TASKS = total, SLURM_JOB_ID = job,
      SLURM_STEP_ID = 0, SLURM_NODEID = host - 1, SLURM_LOCALID = locals[host],
      SLURM_LAUNCH_NODE_IPADDR = "127.0.0.1",
    }
    left[host], locals[host] = left[host] - 1, locals[host] + 1
    if is_cyclic then host = host % #left + 1 end
  end
  return tasks
end

local line <const> = [[
  local folder, link, per_gpu = ...
  local tree = require "ipc.SlurmTree"(folder, tonumber(per_gpu),
    { timeout = 30, link = link ~= "" and link or nil })
  local longest = tree.allReduce(("x"):rep(tree.nodeIndex), function(a, b)
    return #b > #a and b or a
  end)
  io.write(("%d %d %d %d %d"):format(tree.nodeIndex, tree.parent or 0, tree.gpu,
    tree.allReduce(tree.nodeIndex, "sum"), #longest)) ]]

local function files_in(folder)
  local list <close> = io.popen(("ls -A '%s' 2>/dev/null"):format(folder))
  return list:read "*a"
end

-- Runs all tasks; their parents.
local function run_all(tasks, link, per_gpu)
  local all, parents, n = {}, {}, #tasks
  for i, variables in ipairs(tasks) do
    all[i] = start(variables, line, shared, link, tostring(per_gpu))
  end
  for i, process in ipairs(all) do
    local text, status = finish(process)
    t.equal(status, 0, ("status of task %d: %s"):format(i - 1, text))
    local parent = text:match "^%d+ (%d+)"
    t.equal(text, ("%d %s %d %d %d"):format(i, parent, tasks[i].SLURM_LOCALID // per_gpu + 1,
      n * (n + 1) // 2, n), "task " .. i - 1)
    parents[i] = tonumber(parent)
  end
  t.equal(files_in(shared), "", "files that are left")
  return parents
end

local function links_between_hosts(tasks, parents)
  local count = 0
  for i, parent in ipairs(parents) do
    if parent > 0 and tasks[i].SLURM_NODEID ~= tasks[parent].SLURM_NODEID then count = count + 1 end
  end
  return count
end

for _, layout in ipairs {
  { 4, 3 }, { 2, 1 }, { 1, 2 }, { 3, 2 }, { 2, 2, 1 }, { 4, 3, 3 }, { 1, 8, 1 }, { 1, 1, 1, 1, 1 },
  { 6 },
} do
  for _, is_cyclic in ipairs { false, true } do
    t.test(("SlurmTree: %s tasks a host%s: the links between hosts are as few as can be"):format(
      table.concat(layout, ", "), is_cyclic and ", by turns" or ""), function()
      local tasks = step(layout, is_cyclic)
      local parents = run_all(tasks, "socket", 2)
      t.equal(links_between_hosts(tasks, parents), #layout - 1, "links between hosts")
    end)
  end
end

t.test("SlurmTree: tasks that can share memory do", function() run_all(step { 2, 2 }, "", 1) end)

t.test("SlurmTree: one task is a tree, without a file", function()
  t.equal(run_all(step { 1 }, "", 1)[1], 0, "its parent")
  local lone = start({ SLURM_PROCID = 0, SLURM_NTASKS = 1, SLURM_LOCALID = 3 }, [[
    io.write(require "ipc.SlurmTree"(nil, 2).gpu) ]])
  t.equal((finish(lone)), "2", "a script that is alone")
end)

t.test("SlurmTree: the place of a task among those of its host, without SLURM_LOCALID", function()
  local tasks = step({ 3, 2 }, true)
  local gpus = {}
  for i, variables in ipairs(tasks) do
    variables.SLURM_GTIDS = variables.SLURM_NODEID == 0 and "0,2,4" or "1,3"
    variables.SLURM_LOCALID = nil
    gpus[i] = start(variables, [[io.write(require "ipc.SlurmTree"((...), { timeout = 30 }).gpu)]],
      shared)
  end
  for i, gpu in ipairs { "1", "1", "2", "2", "3" } do
    t.equal((finish(gpus[i])), gpu, "task " .. i - 1)
  end
end)

t.test("SlurmTree: steps of a job do not meet, nor trees of one step", function()
  local all, two = {}, step { 3, 2 }
  for number = 0, 1 do
    for _, variables in ipairs(two) do
      variables.SLURM_STEP_ID = number
      all[#all + 1] = start(variables, [[
        local folder, value = ...
        local Tree, sums = require "ipc.SlurmTree", {}
        for i = 1, 3 do
          sums[i] = Tree(folder, { timeout = 30, link = "socket" }).allReduce(value * i, "sum")
        end
        io.write(table.concat(sums, " ")) ]], shared, tostring(number * 10 + 1))
    end
  end
  for i, process in ipairs(all) do
    t.equal((finish(process)), i <= 5 and "5 10 15" or "55 110 165", "process " .. i)
  end
  t.equal(files_in(shared), "", "files that are left")
end)

t.test("SlurmTree: the folder is .torch in HOME when none is given", function()
  local all = {}
  for i, variables in ipairs(step { 2 }) do
    variables.HOME = base
    all[i] = start(variables, [[
      local tree = require "ipc.SlurmTree"({ timeout = 30 })
      io.write((tree.allReduce(1, "sum"))) ]])
  end
  for i = 1, 2 do t.equal((finish(all[i])), "2", "task " .. i - 1) end
  t.equal(files_in(base .. "/.torch"), "", "files that are left")
end)

local error_of <const> = [[
  local folder, per_gpu, timeout = ...
  local good, why = pcall(require "ipc.SlurmTree", folder, tonumber(per_gpu),
    { timeout = tonumber(timeout) })
  io.write(tostring(good), " ", tostring(why)) ]]

local good <const> = step({ 2 })[1]
for _, case in ipairs {
  { {}, "SLURM_PROCID is not set: this is no task of Slurm; start the program by srun" },
  { { SLURM_PROCID = 0 }, "SLURM_NTASKS is not set" },
  { { SLURM_PROCID = 0, SLURM_NTASKS = 8, SLURM_JOB_ID = 1 },
    "SLURM_STEP_ID is not set: this is the script of the job, and no task" },
  { { SLURM_PROCID = 0, SLURM_NTASKS = 8, SLURM_STEP_ID = 1 }, "SLURM_JOB_ID is not set" },
  { { SLURM_PROCID = 8, SLURM_NTASKS = 8, SLURM_STEP_ID = 1 }, "SLURM_PROCID is 8, of 8 tasks" },
  { { SLURM_PROCID = "one", SLURM_NTASKS = 8 }, "SLURM_PROCID is 'one', which is no number" },
  { { SLURM_PROCID = 0, SLURM_NTASKS = 0 }, "SLURM_NTASKS is '0', which is no number from 1 on" },
  { { SLURM_PROCID = 0, SLURM_NTASKS = 8, SLURM_STEP_ID = 1, SLURM_JOB_ID = 1 },
    "SLURM_LOCALID is not set" },
} do
  t.test("SlurmTree: " .. case[2], function()
    local text = finish(start(case[1], error_of, shared, "1", "5"))
    t.equal(text:find("^false .*SlurmTree: ") ~= nil, true, text)
    t.equal(text:find(case[2], 1, true) ~= nil, true, text)
  end)
end

t.test("SlurmTree: arguments that make no sense", function()
  local text = finish(start(good, [[
    local Tree = require "ipc.SlurmTree"
    for _, given in ipairs { { 7 }, { "" }, { nil, 0 }, { "", 1.5 }, { "x", 1, { t = 1 } } } do
      local _, why = pcall(Tree, given[1], given[2], given[3])
      io.write(tostring(why), "\n")
    end ]]))
  local expected = { "dir: expected the name of a folder, got 7", "dir: expected the name of a",
                     "tasksPerGpu: expected a number without a fraction, 1 or more, got 0",
                     "dir: expected", "unknown option 't'" }
  local i = 0
  for one in text:gmatch "[^\n]+" do
    i = i + 1
    t.equal(one:find(expected[i], 1, true) ~= nil, true, one)
  end
  t.equal(i, #expected, "errors")
end)

t.test("SlurmTree: a task for which no first one comes names the folder", function()
  local text = finish(start(step({ 2 })[2], error_of, base .. "/nobody", "1", "0.3"))
  t.equal(text:find(("node 1 has not come within 0.3 s; give all tasks one folder that all hosts "
    .. "see (here it is '%s/nobody')"):format(base), 1, true) ~= nil, true, text)
end)

t.test("SlurmTree: a folder that cannot be is an error", function()
  local file <close> = assert(io.open(base .. "/file", "w"))
  file:close()
  local text = finish(start(good, error_of, base .. "/file", "1", "5"))
  t.equal(text:find("open the folder " .. base .. "/file: it is no folder", 1, true) ~= nil, true,
    text)
end)

t.test("SlurmTree: a file that is not the user's is refused", function()
  os.execute(("ln -s /etc/passwd '%s/slurm-cluster-9-0-0'"):format(shared))
  local task = step({ 2 })[2]
  task.SLURM_JOB_ID = 9
  local text = finish(start(task, error_of, shared, "1", "5"))
  t.equal(text:find("symbolic link", 1, true) ~= nil, true, text)
  os.remove(shared .. "/slurm-cluster-9-0-0")
end)

-- Kills one task when all others wait, and gives what those say.
local function with_a_death(dead, timeout)
  local tasks, all = step { 2, 2 }, {}
  for i, variables in ipairs(tasks) do
    all[i] = start(variables, [[
      local index, dead = os.getenv "SLURM_PROCID" + 1, tonumber((select(4, ...)))
      if index == dead then
        debug.sethook(function()
          if debug.getinfo(2, "n").name == (dead == 1 and "wait_for" or "hear") then
            os.execute("kill -9 " .. require "ipc".getpid())
          end
        end, "c")
      end
    ]] .. error_of, shared, "1", tostring(timeout),
      tostring(dead))
  end
  local texts = {}
  for i, process in ipairs(all) do
    local text = finish(process)
    if i ~= dead then
      t.equal(text:find "^false" ~= nil, true, ("task %d: %s"):format(i - 1, text))
      texts[#texts + 1] = text
    end
  end
  t.equal(files_in(shared), "", "files that are left")
  return table.concat(texts, "\n")
end

for _, dead in ipairs { 1, 3 } do
  t.test(("SlurmTree: node %d dies before all are there; others name it, no file stays")
    :format(dead), function()
    local text = with_a_death(dead, 4)
    t.equal(text:find("node " .. dead, 1, true) ~= nil, true, text)
  end)
end

os.execute(("rm -rf '%s'"):format(base))
t.done()
