-- SPDX-License-Identifier: Apache-2.0
-- How long the best tree for an allreduce takes to find, and how its predicted time compares with
-- the lower bound, for a few numbers of ranks and sizes.
--   lua5.4 bench/drive_trees.lua [--ranks N,...] [--sizes B,...] [--output FILE]
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"

local options <const> = driver.options(arg, {
  ranks = { 12, 4096, 65536, 1048576 },
  sizes = { 8, 4096, 65536, 16777216 },
})
local circumstances <const> = driver.circumstances()

local rows <const> = { { "ranks", "size", "tree", "planned in", "allreduce", "to the bound" } }
for _, ranks in ipairs(options.ranks) do
  for _, bytes in ipairs(options.sizes) do
    local output = driver.capture(("build/bench/topology_trees %d %d"):format(ranks, bytes))
    local record = driver.records(output)[1]
    if record then
      driver.append(options.output, { record }, circumstances)
      rows[#rows + 1] = { tostring(ranks), driver.format_bytes(bytes), record.what,
        driver.format_us(record.p50_us), driver.format_us(record.allreduce_us),
        ("%.2f"):format(record.ratio_to_limit) }
    else
      print(("topology_trees failed for %d ranks, %s"):format(ranks, driver.format_bytes(bytes)))
    end
  end
end
driver.print_table(rows)
