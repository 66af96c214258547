-- SPDX-License-Identifier: Apache-2.0
-- torch.Timer: a stop-watch that runs from its making on. All of it is in plain fields, so that a
-- timer can be saved and sent.
local torch, measure = ...

local kinds <const> = { "real", "user", "sys" }

local Timer = torch.class("torch.Timer", {})

function Timer:__init() self:reset() end

---Back to 0; a timer that was stopped stays so.
function Timer:reset()
  self.passed = { real = 0, user = 0, sys = 0 }
  self.started = { measure() }
  return self
end

function Timer:stop()
  if not self.is_stopped then
    self.passed = self:time()
    self.is_stopped = true
  end
  return self
end

function Timer:resume()
  if self.is_stopped then
    self.started = { measure() }
    self.is_stopped = nil
  end
  return self
end

---The seconds that it ran: {real =, user =, sys =}; the last two are those of this process.
function Timer:time()
  local now, time = { measure() }, {}
  for i, kind in ipairs(kinds) do
    time[kind] = self.passed[kind] + (self.is_stopped and 0 or now[i] - self.started[i])
  end
  return time
end

-- Last: where memory runs out before, the next use begins again.
torch.Timer = Timer
return Timer
