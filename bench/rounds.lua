-- SPDX-License-Identifier: Apache-2.0
-- Runs contestants in turn, round after round, with a canary (a flag sent between two cores) around
-- each, and takes ratios within a round between measurements in one state of the machine.
local driver = require "driver"
local M = {}

-- Canaries of one state of the machine differ by less than this factor.
local same_state <const> = 1.6
-- A measurement during which the state changed is repeated this often.
local repeats_max <const> = 1
-- A contestant that fails at so many cells one after the other is left out from then on.
local failures_max <const> = 3

function M.is_same_state(canary, other)
  return math.max(canary, other) <= same_state * math.min(canary, other)
end

---What the measurements stand on; a test gives its own.
M.tools = {
  canary_us = function() return driver.records(driver.capture("build/bench/canary"))[1].p50_us end,
  run = function(command)
    return driver.capture("timeout 60 " .. command)
  end,
}

---One contestant's record, or nil when the machine changed its state; false when it failed.
local function measure_once(tools, command)
  local before = tools.canary_us()
  local output = tools.run(command)
  local after = tools.canary_us()
  local record = output and driver.records(output)[1]
  if not record then return false end
  if not M.is_same_state(before, after) then return nil end
  record.canary_us = (before + after) / 2
  return record
end

local function measure(tools, contestant, command)
  for _ = 0, repeats_max do
    local record = measure_once(tools, command)
    if record then
      contestant.failures = 0
      return record
    elseif record == false then
      contestant.failures = (contestant.failures or 0) + 1
      print(("%s failed: %s"):format(contestant.name, command))
      return false
    end
  end
  return nil
end

---Runs `contestants` in turn; `plan(contestant)` gives the command and the number of its rounds, or
---nil. Returns a list of rounds: records by the name of the contestant.
function M.run(contestants, count, plan, tools)
  tools = tools or M.tools
  local rounds, gave_up = {}, {}
  for round = 1, count do
    rounds[round] = {}
    for turn = 1, #contestants do
      -- Each round begins with another one, so that nobody always follows the same neighbour.
      local contestant = contestants[(turn + round - 2) % #contestants + 1]
      local command, own_rounds = plan(contestant)
      local is_out = gave_up[contestant.name] or (contestant.failures or 0) >= failures_max
      if command and round <= (own_rounds or count) and not is_out then
        local record = measure(tools, contestant, command)
        gave_up[contestant.name] = record == false
        rounds[round][contestant.name] = record or nil
      end
    end
  end
  return rounds
end

local function column(rounds, name, field)
  local list = {}
  for _, round in ipairs(rounds) do
    if round[name] then list[#list + 1] = round[name][field] end
  end
  return list
end

---Median over the rounds of `name`'s time over the least of those of `others`, among those in the
---same state; nil when no round has both.
function M.ratio(rounds, name, others)
  local ratios = {}
  for _, round in ipairs(rounds) do
    local own, best = round[name], math.huge
    for _, other in ipairs(others) do
      local record = round[other]
      if own and record and M.is_same_state(own.canary_us, record.canary_us) then
        best = math.min(best, record.p50_us)
      end
    end
    if best < math.huge then ratios[#ratios + 1] = own.p50_us / best end
  end
  return #ratios > 0 and driver.median(ratios) or nil
end

---The results of one cell, a line for each contestant that has any; `cell` has bench, ranks, bytes.
function M.results(rounds, contestants, cell, peers)
  local results = {}
  for _, contestant in ipairs(contestants) do
    local name = contestant.name
    local p50 = column(rounds, name, "p50_us")
    if #p50 > 0 then
      results[#results + 1] = { bench = cell.bench, what = name, ranks = cell.ranks,
        bytes = cell.bytes, samples = #p50,
        p50_us = driver.median(p50), p99_us = driver.median(column(rounds, name, "p99_us")),
        canary_us = driver.median(column(rounds, name, "canary_us")),
        ratio_to_limit = name ~= "limit" and M.ratio(rounds, name, { "limit" }) or nil,
        ratio_to_peer = not contestant.peer and name ~= "limit" and M.ratio(rounds, name, peers)
          or nil }
    end
  end
  return results
end

return M
