-- SPDX-License-Identifier: Apache-2.0
-- Goes on where it was stopped: in steps, with a checkpoint now and then, and when it is asked to
-- stop. scripts/slurm/ipcrun-requeue.sbatch runs it in pieces that fit into a time limit.
--
--   CHECKPOINT=state.t7 ipcrun -n 4 checkpoint.lua --steps 1000
--
-- TERM and USR1 ask it to stop. It ends with status 75 when there is more to do. On the same nodes
-- the result is the same to the last bit, in however many pieces it came about.
local ipc = require "ipc"
local torch = require "torch"
local world = ipc.world()

local cmd = torch.CmdLine()
cmd:option("--steps", 1000, "in all")
cmd:option("--every", 100, "steps between two checkpoints")
cmd:option("--elements", 1000, "of the vector")
local options = cmd:parse(arg)

local path <const> = os.getenv "CHECKPOINT" or "checkpoint.t7"
local unfinished <const> = 75

local function exists(name)
  local file = io.open(name)
  if file then file:close() end
  return file ~= nil
end

-- Written whole under another name: who is killed meanwhile leaves the last one as it is.
local function save(state)
  if world.rank ~= 0 then return end
  torch.save(path .. ".new", state)
  assert(os.rename(path .. ".new", path))
end

-- Ranks hear it at different times, and must stop at the same step.
local function is_asked_to_stop()
  return world:allreduce(ipc.stopping "USR1" and 1 or 0, "max") == 1
end
is_asked_to_stop()  -- from now on no such signal ends a rank

local state = { step = 0, vector = torch.zeros(options.elements) }
if world.rank == 0 and exists(path) then state = torch.load(path) end
state = world:broadcast(state)
if world.rank == 0 then
  print(("%d ranks begin at step %d of %d"):format(world.size, state.step, options.steps))
end

while state.step < options.steps do
  state.step = state.step + 1
  -- Random numbers follow from the step and the rank: no state of theirs is to be kept.
  torch.manualSeed(state.step * world.size + world.rank)
  local change = torch.randn(options.elements)
  world:allreduce(change)
  state.vector:mul(0.9):add(change)
  if is_asked_to_stop() then
    save(state)
    if world.rank == 0 then print(("stopped after step %d"):format(state.step)) end
    world:barrier()
    os.exit(unfinished, true)
  end
  if state.step % options.every == 0 then save(state) end
end
save(state)
if world.rank == 0 then
  print(("done: %d steps, the sum is %.17g"):format(state.step, state.vector:sum()))
end
