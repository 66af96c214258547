-- SPDX-License-Identifier: Apache-2.0
-- Prints the newest run in a file of results as the Markdown tables of docs/benchmarks.md:
--   lua5.4 bench/tables.lua bench/results/FILE.jsonl
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"

---The results of one bench with the newest date among them.
local function newest(records, bench)
  local date, list = "", {}
  for _, record in ipairs(records) do
    if record.bench == bench and record.date >= date then
      if record.date > date then date, list = record.date, {} end
      list[#list + 1] = record
    end
  end
  return list
end

local function print_row(cells) print("| " .. table.concat(cells, " | ") .. " |") end

local function print_source(path, record)
  print(("%s, %s, commit %s, %s; `%s`\n"):format(record.cpu, record.compiler, record.commit,
    record.date, path))
end

local function print_startup(list)
  print_row { "", "median", "range" }
  print "|---|--:|--:|"
  for _, record in ipairs(list) do
    print_row { record.what, driver.format_us(record.p50_us),
      driver.format_us(record.min_us) .. " to " .. driver.format_us(record.max_us) }
  end
  print()
end

---The values of `field` in the order of their first appearance.
local function distinct(list, field)
  local seen, values = {}, {}
  for _, record in ipairs(list) do
    if not seen[record[field]] then
      seen[record[field]] = true
      values[#values + 1] = record[field]
    end
  end
  return values
end

local function print_allreduce(list)
  local by_key, names = {}, distinct(list, "what")
  for _, record in ipairs(list) do
    by_key[record.ranks .. " " .. record.bytes .. " " .. record.what] = record
  end
  for _, ranks in ipairs(distinct(list, "ranks")) do
    print_row { ("%d ranks, bytes"):format(ranks), table.unpack(names) }
    print("|--:" .. ("|--:"):rep(#names) .. "|")
    for _, bytes in ipairs(distinct(list, "bytes")) do
      local cells = { tostring(bytes) }
      for _, name in ipairs(names) do
        local record = by_key[ranks .. " " .. bytes .. " " .. name]
        local ratio = record and record.ratio_to_limit
        cells[#cells + 1] = driver.format_us(record and record.p50_us)
          .. (ratio and name ~= "limit" and (" (%.2f)"):format(ratio) or "")
      end
      print_row(cells)
    end
    print()
  end
end

if not arg[1] then
  io.stderr:write("usage: lua5.4 bench/tables.lua RESULTS.jsonl\n")
  os.exit(2)
end
local file = assert(io.open(arg[1]))
local records = driver.records(file:read("a"))
file:close()
for _, bench in ipairs { { "startup", print_startup }, { "allreduce", print_allreduce } } do
  local list = newest(records, bench[1])
  if #list > 0 then
    print_source(arg[1], list[1])
    bench[2](list)
  end
end
