-- SPDX-License-Identifier: Apache-2.0
-- Puts the module together: each file is a function of `use`, which gives it the others.
local core, sources = ...
local loaded = { core = core }

local function use(name)
  if loaded[name] == nil then
    local chunk = assert(load(sources[name], "=parallel." .. name, "t"))
    loaded[name] = chunk(use)
  end
  return loaded[name]
end

return use "module"
