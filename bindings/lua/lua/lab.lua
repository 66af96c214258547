-- SPDX-License-Identifier: Apache-2.0
-- The older name for torch's random and linear functions.
local lab = require "torch"
rawset(_G, "lab", lab)  -- as the original did, and scripts expect
return lab
