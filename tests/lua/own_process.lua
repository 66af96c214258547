-- SPDX-License-Identifier: Apache-2.0
--- What the kernel counts of the process of the test.
local own_process = {}

local function status(name)
  for line in io.lines '/proc/self/status' do
    local number = line:match('^' .. name .. ':%s*(%d+)')
    if number then return tonumber(number) end
  end
end

function own_process.threads() return status 'Threads' end

function own_process.resident_kib() return status 'VmRSS' end

--- Open ones. Without a program to list them: what it is started with would be counted, or not.
function own_process.descriptors()
  local count = 0
  for fd = 0, 1023 do
    local file <close> = io.open('/proc/self/fdinfo/' .. fd)
    if file then count = count + 1 end
  end
  return count
end

--- Collects garbage until no more than `most` threads are left, and raises when that takes 20 s:
--- they end on their own after what they did was dropped. One that was joined may be counted for
--- another moment, too: the kernel wakes who joins it before it takes the thread off its list.
function own_process.await_threads(most)
  local ipc = require 'ipc'
  local never = ipc.channel()
  local deadline = ipc.clock() + 20
  repeat
    collectgarbage()
    if own_process.threads() <= most then return end
    never:read { timeout = 0.01 }
  until ipc.clock() > deadline
  error(('%d threads are left, %d were there'):format(own_process.threads(), most))
end

return own_process
