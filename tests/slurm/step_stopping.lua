-- SPDX-License-Identifier: Apache-2.0
-- A task of tests/slurm/step_faults.sh and step_time_limit.sh: works until it is asked to end, and
-- then for one operation more.
--   step_stopping.lua [SIGNALS...]
local ipc = require "ipc"
local world = ipc.world()
ipc.stopping(...)
world:barrier()
print "ready"
io.flush()
-- Agreed on: one may hear of it a step later than the others.
while world:allreduce(ipc.stopping() and 1 or 0, "max") == 0 do os.execute "sleep 0.05" end
-- Slurm has told each, one a moment later than another.
while not ipc.stopping() do os.execute "sleep 0.05" end
print(("rank %d of %d stops well: %s"):format(world.rank, world:allreduce(1, "sum"),
  ipc.stopping()))
