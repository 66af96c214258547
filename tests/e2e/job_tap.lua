-- SPDX-License-Identifier: Apache-2.0
--- tap.lua for scripts that run on all ranks of a job: rank 0 reports to standard output; of the
--- others only failures are told, on standard error, and their exit status counts.
local ipc = require "ipc"
local t = require "tap"

local rank = ipc.world().rank
if rank > 0 then
  function print(line)  -- luacheck: ignore 121
    if line:find("^not ok") or line:find("^#") then
      io.stderr:write("rank ", rank, ": ", line, "\n")
    end
  end
end

return t
