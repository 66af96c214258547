-- SPDX-License-Identifier: Apache-2.0
-- Proves that bench/tables.lua prints what is in a file of results.
local common <const> = '"ranks":2,"commit":"abc","cpu":"x","compiler":"c","date":"%s"}\n'
local function line(fields, date) return "{" .. fields .. "," .. common:format(date or "d2") end

local results <const> = line('"bench":"reduce","what":"ipcrun","bytes":65536,"p50_us":7', "d1")
  .. line('"bench":"reduce","what":"ipcrun","bytes":8,"p50_us":0.5,"ratio_to_limit":1.25,'
    .. '"ratio_to_peer":1.5')
  .. line('"bench":"reduce","what":"limit","bytes":8,"p50_us":0.4')
  .. line('"bench":"barrier","what":"ipcrun","bytes":0,"p50_us":0.1')
  .. line('"bench":"idle","what":"ipcrun in barrier","percent":0.5')
  .. line('"bench":"startup","what":"8 x true: ipcrun","p50_us":1,"min_us":0.5,"max_us":2')

---What the program prints for a file with `text`, and whether it succeeded.
local function tables(text)
  local path = os.tmpname()
  local file = assert(io.open(path, "w"))
  file:write(text)
  file:close()
  local pipe = assert(io.popen("lua5.4 bench/tables.lua " .. path .. " 2>&1"))
  local output = pipe:read("a")
  local right = pipe:close()
  os.remove(path)
  return output, right
end

local output <const> = tables(results)
local function has(text) return output:find(text, 1, true) ~= nil end

local cases <const> = {
  { "a kind is a table of sizes by contestants, misses in bold", function()
    return has "| reduce: ranks | size | to limit | to best peer | ipcrun | limit |"
      and has "| 2 | 8 B | 1.25 | **1.50** | 0.50 us | 0.40 us |"
  end },
  { "a barrier has no size", function() return has "| 2 |  |  |  | 0.10 us |" end },
  { "older runs are left out", function() return not has "64 KiB" end },
  { "misses are said below", function() return has "- reduce, 2 ranks, 8 B: 1.50 times" end },
  { "waiting and starting have their tables", function()
    return has "| ipcrun in barrier | 0.50 % |" and has "| 8 x true: ipcrun | 1.00 us |"
  end },
  { "every part names its commit, its machine and its date", function()
    return select(2, output:gsub("x, c, commit abc, d2; ", "")) == 3
  end },
  { "a file without results is an error", function()
    return select(2, tables("nothing\n")) == nil
  end },
}

print("1.." .. #cases)
local all_right = true
for index, case in ipairs(cases) do
  local right = case[2]()
  all_right = all_right and right
  print(("%s %d - tables: %s"):format(right and "ok" or "not ok", index, case[1]))
end
os.exit(all_right)
