-- SPDX-License-Identifier: Apache-2.0
-- What the drivers share: running programs, reading their JSON lines, medians, tables, results.
local M = {}

---What `command` printed on its stdout, or nil when it failed; its stderr is the terminal's.
function M.capture(command)
  local pipe = assert(io.popen(command))
  local output = pipe:read("a")
  if pipe:close() then return output end
  return nil
end

function M.has_program(name)
  return M.capture("command -v " .. name .. " 2>&1") ~= nil
end

function M.has_file(path)
  local file = io.open(path)
  return file ~= nil and file:close()
end

---The flat JSON objects in `text`, one a line, as tables.
function M.records(text)
  local list = {}
  for line in (text or ""):gmatch("{(.-)}") do
    local record = {}
    for key, value in line:gmatch('"([%w_]+)":"?([^",]*)') do
      record[key] = tonumber(value) or value
    end
    list[#list + 1] = record
  end
  return list
end

---The value below which `share` of the list lies; 0.5 is the median.
function M.quantile(list, share)
  local sorted = table.move(list, 1, #list, 1, {})
  table.sort(sorted)
  return sorted[math.min(#sorted, #sorted * share // 1 + 1 | 0)]
end

function M.median(list) return M.quantile(list, 0.5) end

---Microseconds with three digits, in the unit that suits them.
function M.format_us(us)
  if us == nil then return "-" end
  local value, unit = us, "us"
  if us >= 1e6 then
    value, unit = us / 1e6, "s"
  elseif us >= 1e3 then
    value, unit = us / 1e3, "ms"
  end
  return (value < 10 and "%.2f %s" or value < 100 and "%.1f %s" or "%.0f %s"):format(value, unit)
end

---Prints `rows` (lists of strings), the first as the head: first column left, others right.
function M.print_table(rows)
  local widths = {}
  for _, row in ipairs(rows) do
    for column, text in ipairs(row) do
      widths[column] = math.max(widths[column] or 0, #text)
    end
  end
  for _, row in ipairs(rows) do
    local cells = {}
    for column, text in ipairs(row) do
      local padding = (" "):rep(widths[column] - #text)
      cells[column] = column == 1 and text .. padding or padding .. text
    end
    print((table.concat(cells, "  "):gsub("%s+$", "")))
  end
end

local function first_line(command)
  return ((M.capture(command) or "unknown"):match("[^\n]*"))
end

---What a result depends on, the same for every line of a run.
function M.circumstances()
  local dirty = M.capture("git status --porcelain 2>/dev/null") or ""
  return {
    commit = first_line("git rev-parse --short HEAD 2>/dev/null || echo unknown")
      .. (dirty ~= "" and "-dirty" or ""),
    cpu = first_line("sed -n 's/^model name[^:]*: *//p' /proc/cpuinfo")
      .. " x " .. first_line("nproc"),
    compiler = first_line("c++ --version"),
    date = os.date("!%Y-%m-%dT%H:%M:%SZ"),
  }
end

local fields <const> = { "bench", "what", "ranks", "bytes", "p50_us", "p99_us", "min_us", "max_us",
  "samples", "ratio_to_limit", "canary_us", "commit", "cpu", "compiler", "date" }

---Appends `results` (tables with some of `fields`) to the file `path`, one JSON line each.
function M.append(path, results, circumstances)
  local file = assert(io.open(path, "a"))
  for _, result in ipairs(results) do
    local parts = {}
    for _, field in ipairs(fields) do
      local value = result[field] or circumstances[field]
      if math.tointeger(value) then
        parts[#parts + 1] = ('"%s":%d'):format(field, value)
      elseif type(value) == "number" then
        parts[#parts + 1] = ('"%s":%.6g'):format(field, value)
      elseif value then
        parts[#parts + 1] = ('"%s":"%s"'):format(field, (value:gsub('["\\]', "")))
      end
    end
    file:write("{", table.concat(parts, ","), "}\n")
  end
  assert(file:close())
  print(("\n%d lines added to %s"):format(#results, path))
end

---Options of a driver: --output FILE, --rounds N. Ends with status 2 at anything else.
function M.options(arguments, rounds)
  local options = { output = "bench/results/" .. os.date("!%Y-%m-%d") .. ".jsonl", rounds = rounds }
  for index = 1, #arguments, 2 do
    local name, value = arguments[index], arguments[index + 1]
    if name == "--output" and value then
      options.output = value
    elseif name == "--rounds" and math.tointeger(value) and math.tointeger(value) > 0 then
      options.rounds = math.tointeger(value)
    else
      io.stderr:write("bench: options are --output FILE and --rounds N, not '", name, "'\n")
      os.exit(2)
    end
  end
  return options
end

return M
