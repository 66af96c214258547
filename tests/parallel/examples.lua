-- SPDX-License-Identifier: Apache-2.0
-- The examples of `parallel`, as the README tells people to run them: by themselves, and on ranks.
--   lua5.4 examples.lua FOLDER
local t = require 'tap'
local folder <const> = arg[1]

local expected <const> = {
  new_interface = [[
<parallel#000>	there are 4 children
<parallel#000>	each worker summed 100000, 100000, 100000, 100000
]],
  old_interface = [[
child 1: mean 1
child 2: mean 2
child 3: mean 3
child 4: mean 4
all have ended
]],
  fork_and_sync = [[
generation 1: children 1 to 4 have ended, 0 are left
generation 2: children 5 to 8 have ended, 0 are left
closed
]],
  big_transfer = "100 pictures of 3.7 MB\n",
  process_queue = "30 frames by 3 workers, 0 are left\n",
  shared_channel = "20 results, together 210000\n",
  calibrate = [[
localhost has 2 cores
127.0.0.1 has 1 cores
3 processes on 2 remotes
]],
  pool = [[
1 4 9 16 25 36
the second task failed: attempt to divide by zero
sum of 1 to 100: 5050
]],
}

local function output_of(command)
  local pipe = io.popen(command)
  local text = pipe:read('a')
  local _, _, status = pipe:close()
  return text, status
end

local names = {}
for name in pairs(expected) do names[#names + 1] = name end
table.sort(names)
for _, name in ipairs(names) do
  t.test(('examples: %s says what it should'):format(name), function()
    local text, status = output_of(("ipcrun-lua '%s/%s.lua' 2>/dev/null"):format(folder, name))
    t.equal(status, 0)
    t.equal(text, expected[name])
  end)
end

for _, name in ipairs { 'new_interface', 'old_interface' } do
  t.test(('examples: %s runs on each of eight ranks'):format(name), function()
    local text, status = output_of(("ipcrun -n 8 '%s/%s.lua'"):format(folder, name))
    t.equal(status, 0)
    for line in expected[name]:gmatch('[^\n]+') do
      local count = 0
      for said in text:gmatch('[^\n]+') do
        if said:gsub('#%d+>', '#000>') == line then count = count + 1 end
      end
      t.equal(count, 8)
    end
  end)
end

t.done()
