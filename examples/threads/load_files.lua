-- SPDX-License-Identifier: Apache-2.0
-- Files are read in the background while the main thread works on those that are there: a workqueue
-- with two workers, as torch-dataset had it. Tensors come by reference: nothing is copied twice.
--   ipcrun-lua examples/threads/load_files.lua
local ipc, torch = require "ipc", require "torch"

local folder = os.tmpname()
os.remove(folder)
assert(os.execute("mkdir " .. folder))
local names = {}
for i = 1, 20 do
  names[i] = ("%s/%02d.t7"):format(folder, i)
  torch.save(names[i], torch.FloatTensor(100, 100):fill(i))
end

local queue, created = ipc.workqueue "files to load"
assert(created == 1)

-- Workers find the queue by its name. nil is the sign to stop.
local workers = ipc.map(2, function()
  local queue, torch = require "ipc".workqueue "files to load", require "torch"
  while true do
    local name = queue:read()
    if name == nil then break end
    queue:write { name = name, tensor = torch.load(name) }
  end
end)

local ahead = 4 -- files that may be on their way
local asked, sum = 0, 0
local function ask()
  if asked < #names then
    asked = asked + 1
    queue:write(names[asked])
  end
end
for _ = 1, ahead do ask() end
for _ = 1, #names do
  workers:checkErrors()
  local file = queue:read()
  ask()
  sum = sum + file.tensor:mean()
end

queue:drain() -- nothing is left to come, or in a worker's hands
for _ = 1, 2 do queue:write(nil) end
workers:join()
queue:close()
os.execute("rm -r " .. folder)
print(("%d files, sum of their means %g"):format(#names, sum))
