-- SPDX-License-Identifier: Apache-2.0
-- A list, worked on by several children.
local use <const> = ...
local state, errors, options = use "state", use "errors", use "options"
use "pool"
local parallel = state.parallel

---f(value, index) for each value of the list, by n children: the results, in the order of the list.
---Raises the first error, in that order, with the index.
function parallel.map(n, list, f)
  local count = options.integer(n)
  if count == nil or count < 1 then
    errors.usage("map: the number of workers must be an integer, 1 or more")
  end
  if type(list) ~= "table" then errors.usage("map: a list is wanted, not a %s", type(list)) end
  if type(f) ~= "function" then errors.usage("map: a function is wanted, not a %s", type(f)) end
  local results, tasks = {}, {}
  if #list == 0 then return results end
  local workers <close> = parallel.pool(math.min(count, #list), { task = f })
  for i, value in ipairs(list) do
    tasks[i] = workers:submit(value, i)
    tasks[i].name = "map: item " .. i
  end
  for i, task in ipairs(tasks) do results[i] = task:result() end
  return results
end

return true
