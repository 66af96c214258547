-- SPDX-License-Identifier: Apache-2.0
-- What the files share: the module's table, and what nobody outside sees.
local state = {}

-- The table that `require "parallel"` gives.
state.parallel = {
  id = 0,
  ip = "127.0.0.1",
  processid = 1,
  nchildren = 0,
}

-- Records of children that run, or whose failure nobody has been told: record -> true.
state.family = {}

-- Records of children whose connection is open: record -> true. Those that nobody names may go.
state.open = setmetatable({}, { __mode = "k" })

-- Bytes that may be on their way to somebody who has not received them.
state.lag = 256 << 20

-- The record of the parent, in a child and in ranks above 0.
state.parent = nil

-- Tags of messages: what users send is never taken for something else. The first four pass between
-- hosts (relay/relay.hpp in the sources); `started` is what a relay itself says.
state.tags = { data = 0, join = 1, yield = 2, control = 3, never = 4, started = 5 }

return state
