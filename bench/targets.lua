-- SPDX-License-Identifier: Apache-2.0
-- What we set out to reach, and which results miss it.
local driver = require "driver"
local M = {}

M.kinds = { "barrier", "allreduce", "broadcast", "reduce", "reduce_scatter", "allgather", "gather",
  "scatter", "alltoall" }

local is_collective <const> = driver.set(M.kinds)

-- As printed, with two decimals.
local function is_above(ratio, target) return ratio ~= nil and ratio >= target + 0.005 end

---In which ways `record` misses a target: texts, by the field that is too large.
function M.misses(record)
  local misses = {}
  local is_of_children = record.bench == "transfer" or record.bench == "start"
  if record.what:find("^ipcrun") == nil or record.what == "ipcrun Lua" and not is_of_children then
    return misses
  end
  if is_collective[record.bench] and is_above(record.ratio_to_peer, 1) then
    misses.ratio_to_peer = ("%.2f times the best peer"):format(record.ratio_to_peer)
  end
  if record.bench == "allreduce" and record.bytes >= 65536 and is_above(record.ratio_to_limit, 1.3)
  then
    misses.ratio_to_limit = ("%.2f times the limit, not 1.30"):format(record.ratio_to_limit)
  end
  local message = record.bench == "pingpong" and record.bytes
  if message == 8 and record.p50_us > 0.15 then
    misses.p50_us = ("%s one way, not 0.15 us"):format(driver.format_us(record.p50_us))
  end
  if message == 64 << 20 and is_above(record.ratio_to_limit, 1.2) then
    misses.ratio_to_limit = ("%.2f times a memcpy, not 1.20"):format(record.ratio_to_limit)
  end
  if record.bench == "transfer" and record.bytes >= 1 << 20 and is_above(record.ratio_to_limit, 1.2)
  then
    misses.ratio_to_limit = ("%.2f times a memcpy, not 1.20"):format(record.ratio_to_limit)
  end
  if record.bench == "start" and record.p50_us > 5000 then
    misses.p50_us = ("%s, not 5 ms"):format(driver.format_us(record.p50_us))
  end
  if record.bench == "tree_allreduce" and record.what == "ipcrun tree" and record.bytes == 64 << 20
    and is_above(record.ratio_to_limit, 1.3)
  then
    misses.ratio_to_limit = ("%.2f times the world's, not 1.30"):format(record.ratio_to_limit)
  end
  if record.bench == "idle" and record.percent >= 2 then
    misses.percent = ("%.1f %% of a core, not 2"):format(record.percent)
  end
  return misses
end

---One line for each miss among `records`.
function M.lines(records)
  local lines = {}
  for _, record in ipairs(records) do
    local place = ("%s, %d ranks"):format(record.bench, record.ranks)
    if record.bytes and record.bytes > 0 then
      place = place .. ", " .. driver.format_bytes(record.bytes)
    end
    if record.bench == "idle" then place = place .. ", " .. record.what end
    local misses = M.misses(record)
    for _, field in ipairs { "p50_us", "percent", "ratio_to_limit", "ratio_to_peer" } do
      if misses[field] then lines[#lines + 1] = place .. ": " .. misses[field] end
    end
  end
  return lines
end

return M
