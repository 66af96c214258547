-- SPDX-License-Identifier: Apache-2.0
-- Prints the newest run of each bench in a file of results as the Markdown tables of
-- docs/benchmarks.md, misses in bold, and then says them one by one:
--   lua5.4 bench/tables.lua bench/results/FILE.jsonl
package.path = "bench/?.lua;" .. package.path
local driver = require "driver"
local targets = require "targets"

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

---`text`, in bold when `record` misses its target for `field`.
local function marked(record, field, text)
  return targets.misses(record)[field] and "**" .. text .. "**" or text
end

local function ratio_cell(record, field)
  local ratio = record and record[field]
  return ratio and marked(record, field, ("%.2f"):format(ratio)) or ""
end

local of_threads <const> = driver.set { "stream", "handover", "reference", "map" }

---The rows of one bench: those of one number of ranks together, small sizes first.
local function print_sizes(list)
  local names = driver.distinct(list, "what")
  local by_key = {}
  for _, record in ipairs(list) do
    by_key[record.ranks .. " " .. record.bytes .. " " .. record.what] = record
  end
  local sizes = driver.distinct(list, "bytes")
  table.sort(sizes)
  local who = of_threads[list[1].bench] and "threads" or "ranks"
  print_row { list[1].bench .. ": " .. who, "size", "to limit", "to best peer",
    table.unpack(names) }
  print("|--:|--:|--:|--:" .. ("|--:"):rep(#names) .. "|")
  for _, ranks in ipairs(driver.distinct(list, "ranks")) do
    for _, bytes in ipairs(sizes) do
      local cell = ranks .. " " .. bytes .. " "
      local ours = by_key[cell .. "ipcrun"] or by_key[cell .. "ipcrun Lua"]
      local cells = { tostring(ranks), bytes > 0 and driver.format_bytes(bytes) or "",
        ratio_cell(ours, "ratio_to_limit"), ratio_cell(ours, "ratio_to_peer") }
      local is_there = false
      for _, name in ipairs(names) do
        local record = by_key[ranks .. " " .. bytes .. " " .. name]
        is_there = is_there or record ~= nil
        cells[#cells + 1] = record
          and marked(record, "p50_us", driver.format_us(record.p50_us)) or ""
      end
      if is_there then print_row(cells) end
    end
  end
  print()
end

---The rows of a bench in which we take part several times: behind each of ours, in brackets, its
---ratio to the best peer, or to the limit. `counted`: what there are so many of; else bytes.
local function print_several(list, counted)
  local names, by_key = driver.distinct(list, "what"), {}
  for _, record in ipairs(list) do by_key[record.bytes .. " " .. record.what] = record end
  local sizes = driver.distinct(list, "bytes")
  table.sort(sizes)
  local title = list[1].bench:gsub("_", " ")
  print_row { title .. ": " .. (counted or "size"), table.unpack(names) }
  print("|--:" .. ("|--:"):rep(#names) .. "|")
  for _, bytes in ipairs(sizes) do
    local cells = { counted and tostring(bytes) or driver.format_bytes(bytes) }
    for _, name in ipairs(names) do
      local record = by_key[bytes .. " " .. name]
      local field = record and (record.ratio_to_peer and "ratio_to_peer" or "ratio_to_limit")
      cells[#cells + 1] = record and driver.format_us(record.p50_us)
        .. (record[field] and " (" .. ratio_cell(record, field) .. ")" or "") or ""
    end
    print_row(cells)
  end
  print()
end

---Groups of one bench (see groups.lua), a row each: ours, and how it compares with the best of the
---others.
local function print_groups(list)
  local names, by_bytes = {}, {}
  for _, record in ipairs(list) do
    local name = record.what:match(": (.*)$")
    if not driver.set(names)[name] then names[#names + 1] = name end
    by_bytes[record.bytes] = by_bytes[record.bytes] or {}
    by_bytes[record.bytes][name] = record.p50_us
  end
  print_row { list[1].bench, "to best peer", table.unpack(names) }
  print("|--:|--:" .. ("|--:"):rep(#names) .. "|")
  for _, bytes in ipairs(driver.distinct(list, "bytes")) do
    local times, best = by_bytes[bytes], math.huge
    for name, us in pairs(times) do if name ~= "ipcrun" then best = math.min(best, us) end end
    local cells = { driver.format_bytes(bytes), ("%.2f"):format(times.ipcrun / best) }
    for _, name in ipairs(names) do
      cells[#cells + 1] = times[name] and driver.format_us(times[name]) or ""
    end
    print_row(cells)
  end
  print()
end

local function print_collectives(list)
  for _, kind in ipairs(targets.kinds) do
    local of_kind = {}
    for _, record in ipairs(list) do
      if record.bench == kind then of_kind[#of_kind + 1] = record end
    end
    if #of_kind > 0 then print_sizes(of_kind) end
  end
end

local function print_idle(list)
  print_row { "8 ranks that wait for a sleeping ninth", "of one core" }
  print "|---|--:|"
  for _, record in ipairs(list) do
    print_row { record.what, marked(record, "percent", ("%.2f %%"):format(record.percent)) }
  end
  print()
end

local function print_peak(list)
  print_row { "a tensor sent", "memory taken in both processes", "times its bytes" }
  print "|--:|--:|--:|"
  for _, record in ipairs(list) do
    print_row { driver.format_bytes(record.bytes), driver.format_bytes(record.taken >> 20 << 20),
      ("%.2f"):format(record.taken / record.bytes) }
  end
  print()
end

local function print_misses(list)
  local lines = targets.lines(list)
  if #lines > 0 then print("Misses:\n") end
  for _, line in ipairs(lines) do print("- " .. line) end
  if #lines > 0 then print() end
end

if not arg[1] then
  io.stderr:write("usage: lua5.4 bench/tables.lua RESULTS.jsonl\n")
  os.exit(2)
end
local records <const> = driver.records(driver.read_file(arg[1]))
if #records == 0 then
  io.stderr:write("tables: there are no results in ", arg[1], "\n")
  os.exit(1)
end
for _, part in ipairs {
  { { "startup" }, print_startup },
  { { "hosts" }, print_startup },
  { { "slurm" }, print_startup },
  { { "host message" }, print_groups },
  { { "host allreduce" }, print_groups },
  { targets.kinds, print_collectives },
  { { "pingpong" }, print_sizes },
  { { "start" }, print_sizes },
  { { "round_trip" }, print_sizes },
  { { "transfer" }, print_sizes },
  { { "fresh" }, print_sizes },
  { { "peak" }, print_peak },
  { { "stream" }, print_sizes },
  { { "handover" }, print_sizes },
  { { "reference" }, print_sizes },
  { { "processes" }, print_sizes },
  { { "map" }, print_sizes },
  { { "connection_round_trip" }, print_several },
  { { "connection_messages" }, print_several },
  { { "connection_transfer" }, print_several },
  { { "connection_any" }, function(list) print_several(list, "clients") end },
  { { "tree_allreduce" }, print_several },
  { { "idle" }, print_idle },
} do
  local list = driver.newest(records, driver.set(part[1]))
  if #list > 0 then
    print_source(arg[1], list[1])
    part[2](list)
    print_misses(list)
  end
end
