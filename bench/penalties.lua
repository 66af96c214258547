-- SPDX-License-Identifier: Apache-2.0
-- What it costs to follow a prediction: how much slower than the fastest algorithm that is which
-- was predicted to be the fastest.
local driver = require "driver"
local M = {}

---At any size, and in the median over them.
M.worst_max, M.median_max = 0.25, 0.10

local function least(list, field)
  local best
  for _, result in ipairs(list) do
    if not best or result[field] < best[field] then best = result end
  end
  return best
end

---Of results of one cell: the share by which the choice is slower than the best, and its name; nil
---when there are none.
function M.of(list)
  local chosen, best = least(list, "predicted_us"), least(list, "p50_us")
  if not chosen then return nil end
  return chosen.p50_us / best.p50_us - 1, chosen.what
end

---Sentences about all cells (tables with ranks, bytes, chosen, penalty): the figures, and what
---misses its target.
function M.lines(cells)
  local lines, all = {}, {}
  for _, cell in ipairs(cells) do
    all[#all + 1] = cell.penalty
    if cell.penalty > M.worst_max then
      lines[#lines + 1] = ("miss: %d ranks, %s: %s is %.0f %% slower than the best; at most %.0f %%")
        :format(cell.ranks, driver.format_bytes(cell.bytes), cell.chosen, 100 * cell.penalty,
          100 * M.worst_max)
    end
  end
  if #all == 0 then return lines end
  local median = driver.median(all)
  lines[#lines + 1] = ("the choice is %.0f %% over the best in the median, %.0f %% at worst")
    :format(100 * median, 100 * driver.quantile(all, 1))
  if median > M.median_max then
    lines[#lines + 1] = ("miss: a median of %.0f %% at most"):format(100 * M.median_max)
  end
  return lines
end

return M
