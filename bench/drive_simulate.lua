-- SPDX-License-Identifier: Apache-2.0
-- Predicted times of an allreduce beside those of a discrete-event simulation by SimGrid, on a fat
-- tree with 32 hosts a switch and one rank a host.
--   lua5.4 bench/drive_simulate.lua [--output FILE]
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"

local options <const> = driver.options(arg, {})
local circumstances <const> = driver.circumstances()

local simulate <const> = "build/bench/simulate"
if not driver.capture("ninja -C build bench/simulate >/dev/null") then
  io.stderr:write("bench: no SimGrid here (libsimgrid-dev; then meson setup --reconfigure build)\n")
  os.exit(1)
end

local small <const>, medium <const>, large <const> = 8, 64 << 10, 1 << 20
-- Larger ones, and a ring of 8,192 ranks, are tens of millions of messages: left out.
local cells <const> = {
  { leaves = 32, what = "tree", sizes = { small, medium, large } },
  { leaves = 32, what = "two-tree", sizes = { small, medium, large } },
  { leaves = 32, what = "recursive-doubling", sizes = { small, medium, large } },
  { leaves = 32, what = "ring", sizes = { large } },
  { leaves = 256, what = "tree", sizes = { small, medium } },
  { leaves = 256, what = "two-tree", sizes = { small, medium } },
  { leaves = 256, what = "recursive-doubling", sizes = { small, medium } },
}

local rows = { { "algorithm", "ranks", "size", "segments", "predicted", "simulated", "error" } }
local results = {}
for _, cell in ipairs(cells) do
  for _, bytes in ipairs(cell.sizes) do
    local command = ("%s %d %s %d"):format(simulate, cell.leaves, cell.what, bytes)
    local record = driver.records(driver.capture(command))[1]
    if not record then error(command .. " failed") end
    record.p50_us = record.simulated_us
    record.error = record.predicted_us / record.simulated_us - 1
    results[#results + 1] = record
    rows[#rows + 1] = {
      cell.what, tostring(record.ranks), driver.format_bytes(bytes), tostring(record.segments),
      driver.format_us(record.predicted_us), driver.format_us(record.simulated_us),
      ("%+.0f %%"):format(100 * record.error),
    }
  end
end
driver.append(options.output, results, circumstances)
driver.print_table(rows)
