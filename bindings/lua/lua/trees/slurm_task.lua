-- SPDX-License-Identifier: Apache-2.0
-- Which task of which step of Slurm this process is, by its environment.
local use = ...
local checks = use "checks"

-- The first of the variables that is set; what it says, and its name.
local function variable(...)
  for _, name in ipairs { ... } do
    local value = os.getenv(name)
    if value and value ~= "" then return value, name end
  end
end

local function number(least, ...)
  local value, name = variable(...)
  if value == nil then return nil end
  local result = value:find "^%d+$" and math.tointeger(tonumber(value))
  if not result or result < least then
    error(("%s is '%s', which is no number from %d on"):format(name, value, least), 0)
  end
  return result
end

local function missing(name, why) error(("%s is not set: %s"):format(name, why), 0) end

-- A host's own count of its tasks, which cyclic and uneven layouts need.
local function local_index(task)
  local index = number(0, "SLURM_LOCALID")
  if index then return index end
  local position = 0
  for other in (variable "SLURM_GTIDS" or ""):gmatch "%d+" do
    if tonumber(other) == task then return position end
    position = position + 1
  end
  missing("SLURM_LOCALID", "it tells which task of its host this is; start the program by srun")
end

-- The same for all tasks of a step, and for no other step: of a job that was requeued, or of
-- another cluster with the same files, neither.
local function step_name()
  local parts = {
    (variable "SLURM_CLUSTER_NAME" or "cluster"), (variable("SLURM_JOB_ID", "SLURM_JOBID")),
    (variable("SLURM_STEP_ID", "SLURM_STEPID")), (variable "SLURM_RESTART_COUNT" or "0"),
  }
  return (table.concat(parts, "-"):gsub("[^%w_.-]", "_"))
end

--- { index =, nodes =, on = number of its host, local_index =, step = a name for files,
--- towards = the address of who started it, or "" }
return function()
  local task = number(0, "SLURM_PROCID")
  local count = number(1, "SLURM_STEP_NUM_TASKS", "SLURM_NTASKS", "SLURM_NPROCS")
  if not task then
    missing("SLURM_PROCID", "this is no task of Slurm; start the program by srun")
  elseif not count then
    missing("SLURM_NTASKS", "start the program by srun")
  end
  if task >= count then
    error(("SLURM_PROCID is %d, of %d tasks"):format(task, count), 0)
  end
  if count > 1 then
    if not variable("SLURM_JOB_ID", "SLURM_JOBID") then
      missing("SLURM_JOB_ID", "start the program by srun")
    elseif not variable("SLURM_STEP_ID", "SLURM_STEPID") then
      -- A batch script is alone, whatever SLURM_NTASKS says.
      missing("SLURM_STEP_ID", "this is the script of the job, and no task of a step; start the "
        .. "program by srun in it")
    end
  end
  local index, nodes = checks.place(task + 1, count)
  return { index = index, nodes = nodes, on = number(0, "SLURM_NODEID"),
           local_index = local_index(task), step = count > 1 and step_name(),
           towards = variable "SLURM_LAUNCH_NODE_IPADDR" or "" }
end
