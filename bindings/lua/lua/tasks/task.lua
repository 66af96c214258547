-- SPDX-License-Identifier: Apache-2.0
-- BackgroundTask(f, ...): one function in a thread of its own, and what it returns.
local new_pool = require "ipc.BackgroundTaskPool"

return function(f, ...)
  if type(f) ~= "function" then
    error(("BackgroundTask: a function was expected, not %s"):format(type(f)), 2)
  end
  local pool = new_pool(1, { closeOnLastTask = true })
  local id = pool.addTask(f, ...)
  return {
    isDone = function() return pool.isDone() end,
    getResult = function() return pool.getResult(id) end,
  }
end
