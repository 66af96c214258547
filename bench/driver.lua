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
    for key, value in line:gmatch '"([%w_]+)":([^",]+)' do record[key] = tonumber(value) end
    for key, value in line:gmatch '"([%w_]+)":"([^"]*)"' do record[key] = value end
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
  -- Results of this run make the tree no other one.
  local dirty = M.capture("git status --porcelain -- . ':!bench/results' 2>/dev/null") or ""
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
  "predicted_us", "allreduce_us", "segments", "percent", "taken", "samples", "ratio_to_limit",
  "ratio_to_peer", "canary_us", "commit", "cpu", "compiler", "date" }

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
end

---Whole file, or "" when there is none.
function M.read_file(path)
  local file = io.open(path)
  local text = file and file:read("a") or ""
  if file then file:close() end
  return text
end

---The results of one bench with the newest date among them; `benches` is a set of names.
function M.newest(records, benches)
  local date, list = "", {}
  for _, record in ipairs(records) do
    if benches[record.bench] and record.date >= date then
      if record.date > date then date, list = record.date, {} end
      list[#list + 1] = record
    end
  end
  return list
end

---The values of `field` in the order of their first appearance.
function M.distinct(list, field)
  local seen, values = {}, {}
  for _, record in ipairs(list) do
    if record[field] ~= nil and not seen[record[field]] then
      seen[record[field]] = true
      values[#values + 1] = record[field]
    end
  end
  return values
end

function M.set(list)
  local set = {}
  for _, value in ipairs(list) do set[value] = true end
  return set
end

local units <const> = { [""] = 1, K = 1 << 10, M = 1 << 20 }

---"64K" as 65536; nil when `text` is no count.
function M.parse_count(text)
  local digits, unit = text:match("^(%d+)([KM]?)$")
  return digits and math.tointeger(digits) * units[unit]
end

---65536 as "64 KiB".
function M.format_bytes(bytes)
  if bytes >= 1 << 20 and bytes % (1 << 20) == 0 then return (bytes >> 20) .. " MiB" end
  if bytes >= 1 << 10 and bytes % (1 << 10) == 0 then return (bytes >> 10) .. " KiB" end
  return bytes .. " B"
end

---`text` as a value like `default`: a list as its elements with commas between.
local function parse_value(text, default)
  if type(default) == "string" then return text end
  if type(default) == "number" then
    local count = M.parse_count(text)
    return count and count > 0 and count or nil
  end
  local list, known = {}, M.set(default)
  for item in text:gmatch("[^,]+") do
    local value = item
    if type(default[1]) == "number" then value = M.parse_count(item) end
    if value == nil or type(value) == "string" and not known[value] then return nil end
    list[#list + 1] = value
  end
  return #list > 0 and list or nil
end

---Options of a driver, those of `defaults` and --output FILE; a false one is a flag. Or nil and
---what is wrong.
function M.parse_options(arguments, defaults)
  local options = { output = "bench/results/" .. os.date("!%Y-%m-%d") .. ".jsonl" }
  for name, value in pairs(defaults) do options[name] = value end
  local index = 1
  while arguments[index] do
    local name = arguments[index]:match("^%-%-(%a+)$")
    local default = name and options[name]
    if default == nil then return nil, "there is no option " .. arguments[index] end
    if default == false then
      options[name] = true
      index = index + 1
    else
      options[name] = parse_value(arguments[index + 1] or "", defaults[name] or default)
      if options[name] == nil or not arguments[index + 1] then
        return nil, ("--%s cannot be '%s'"):format(name, arguments[index + 1] or "")
      end
      index = index + 2
    end
  end
  return options
end

---The same; ends with status 2 at what is wrong.
function M.options(arguments, defaults)
  local options, fault = M.parse_options(arguments, defaults)
  if options then return options end
  local names = { "--output" }
  for name in pairs(defaults) do names[#names + 1] = "--" .. name end
  table.sort(names)
  io.stderr:write("bench: ", fault, "; there are ", table.concat(names, ", "), "\n")
  os.exit(2)
end

return M
