-- SPDX-License-Identifier: Apache-2.0
-- Counts single test cases in Meson's testlog.json: doctest cases, TAP lines, else programs; and
-- says once more what failed, so that the end of a long log tells it.
--   lua5.4 count_cases.lua TESTLOG.json STATUS-OF-MESON-TEST
--   lua5.4 count_cases.lua --self-test

local bad_results = { FAIL = true, ERROR = true, TIMEOUT = true, INTERRUPT = true,
  UNEXPECTEDPASS = true }

---What a test program printed, with the escapes undone that matter to us.
local function output_of(record)
  -- A quote inside a JSON string is escaped, so this finds the field and nothing else.
  local _, start = record:find('"stdout": "', 1, true)
  if not start then return "" end
  local stop = start
  repeat stop = record:find('["\\]', stop + 1)
    local escaped = stop and record:sub(stop, stop) == "\\"
    if escaped then stop = stop + 1 end
  until not escaped
  local text = record:sub(start + 1, stop and stop - 1 or #record)
  return (text:gsub("\\u001b%[[%d;]*m", ""):gsub("\\(.)", { n = "\n", t = "\t", r = "" }))
end

---@return integer passed, integer failed, integer skipped  cases by the program's own account
local function cases_in(output)
  local passed, failed, skipped = 0, 0, 0
  -- What doctest calls skipped is what its arguments left out: another test's business.
  for p, f in output:gmatch("%[doctest%] test cases:[%s%d]+|%s*(%d+) passed[^|]*|" ..
                            "%s*(%d+) failed") do
    passed, failed = passed + p, failed + f
  end
  if passed + failed > 0 then return passed, failed, 0 end
  if not ("\n" .. output):find("\n1%.%.%d+") then return 0, 0, 0 end
  for line in output:gmatch("[^\n]+") do
    if line:find("^not ok%f[%W]") then
      failed = failed + 1
    elseif line:find("^ok%f[%W].*#%s*[Ss][Kk][Ii][Pp]") or line:find("^1%.%.0%f[%D]") then
      skipped = skipped + 1
    elseif line:find("^ok%f[%W]") then
      passed = passed + 1
    end
  end
  return passed, failed, skipped
end

---One line of testlog.json to the cases it stands for.
local function count(record)
  local result = record:match('"result": "(%u+)"')
  local status = tonumber(record:match('"returncode": (%-?%d+)') or 0)
  if result == "SKIP" then
    local _, _, skipped = cases_in(output_of(record))
    return 0, 0, math.max(skipped, 1)
  end
  if result == "EXPECTEDFAIL" then return 1, 0, 0 end
  -- A program that crashed or hung says nothing trustworthy about its cases.
  if status < 0 or status > 128 or result == "TIMEOUT" then return 0, 1, 0 end
  local passed, failed, skipped = cases_in(output_of(record))
  if bad_results[result] then return passed, math.max(failed, 1), skipped end
  if passed + failed + skipped == 0 then return 1, 0, 0 end
  return passed, failed, skipped
end

local longest_account <const> = 30  -- lines of one program

---What a program that failed said of that: its failed lines of TAP and the remarks below each, or
---the end of its output.
---@return string[] lines
local function account(record)
  local output, said, last, failed = output_of(record), {}, {}, false
  for line in output:gmatch("[^\n]+") do
    if line:find("^not ok%f[%W]") then failed = true
    elseif not line:find("^#") then failed = false
    end
    if failed then said[#said + 1] = line end
    last[#last + 1] = line
  end
  if #said == 0 then
    said = table.move(last, math.max(1, #last - longest_account + 1), #last, 1, {})
  end
  return table.move(said, 1, math.min(#said, longest_account), 1, {})
end

local function self_test()
  local examples = {
    { "cases of doctest are added up", "OK", 0,
      "\\u001b[0m[doctest] test cases:  5 |  4 passed\\u001b[0m | 0 failed | 1 skipped\\n",
      4, 0, 0 },
    { "failed cases of doctest are counted singly", "FAIL", 1,
      "[doctest] test cases: 5 | 3 passed | 2 failed | 0 skipped\\n", 3, 2, 0 },
    { "a crash is one failure whatever was printed before", "FAIL", -11,
      "[doctest] test cases: 5 | 4 passed | 1 failed | 0 skipped\\n", 0, 1, 0 },
    { "a time-out is one failure", "TIMEOUT", 0, "1..3\\nok 1\\n", 0, 1, 0 },
    { "lines of TAP are counted singly", "FAIL", 0,
      "1..4\\nok 1 - a\\nnot ok 2 - b\\nok 3 - c # SKIP no GPU\\nok 4 - \\\"d\\\"\\n", 2, 1, 1 },
    { "a TAP plan of nothing is one skipped test", "SKIP", 0, "1..0 # SKIP no GPU\\n", 0, 0, 1 },
    { "a program that only exits is one test", "OK", 0, "hello\\n", 1, 0, 0 },
    { "a program that skips itself is one skipped test", "SKIP", 77, "", 0, 0, 1 },
    { "a failure that was announced is one passed test", "EXPECTEDFAIL", 1,
      "1..2\\nok 1\\nnot ok 2\\n", 1, 0, 0 },
    { "a failing status after passing cases is one more failure", "FAIL", 23,
      "[doctest] test cases: 2 | 2 passed | 0 failed | 0 skipped\\n", 2, 1, 0 },
  }
  print("1.." .. #examples + 1)
  local all_right = true
  for index, example in ipairs(examples) do
    local name, result, status, output, passed, failed, skipped = table.unpack(example)
    local p, f, s = count(string.format(
      '{"name": "x", "stdout": "%s", "result": "%s", "returncode": %d}', output, result, status))
    local right = p == passed and f == failed and s == skipped
    all_right = all_right and right
    print(("%s %d - counting: %s"):format(right and "ok" or "not ok", index, name))
    if not right then print(("# got %d passed, %d failed, %d skipped"):format(p, f, s)) end
  end
  local said = table.concat(account(
    '"stdout": "1..3\\nok 1\\nnot ok 2 - b\\n# why\\n#  and where\\nok 3\\n# of 3\\n"'), "|")
  local right = said == "not ok 2 - b|# why|#  and where"
  print(("%s %d - counting: what failed is told once more, with its remarks")
    :format(right and "ok" or "not ok", #examples + 1))
  return all_right and right
end

if arg[1] == "--self-test" then os.exit(self_test()) end

local passed, failed, skipped = 0, 0, 0
for record in io.lines(arg[1]) do
  local p, f, s = count(record)
  passed, failed, skipped = passed + p, failed + f, skipped + s
  if f > 0 then
    print("failed: " .. (record:match('"name": "([^"]*)"') or "?"))
    for _, line in ipairs(account(record)) do print("  " .. line) end
  end
end
if tonumber(arg[2]) ~= 0 and failed == 0 then failed = 1 end
print(("%d passed, %d failed, %d skipped"):format(passed, failed, skipped))
os.exit(failed == 0)
