-- SPDX-License-Identifier: Apache-2.0
-- Puts the trees together: each file is a function of `use`, which gives it the others.
local core, sources = ...
local loaded = { core = core }

local function use(name)
  if loaded[name] == nil then
    -- All have the name by which places in errors are known to be none of the caller's.
    loaded[name] = assert(load(sources[name], "=ipc.tree", "t"))(use)
  end
  return loaded[name]
end

return use
