-- SPDX-License-Identifier: Apache-2.0
-- Holds the rules of docs/STYLE.md that a machine can check, first of all who may include whom.
--   lua5.4 tests/tidy.lua [FOLDER]       checks the tree, prints one line per fault
--   lua5.4 tests/tidy.lua --self-test    shows that each rule can fail

-- Who may include whom; a folder may always include itself. Others use only what stands here.
local allowed <const> = {
  ["base"] = {},
  ["topology"] = { "base" },
  ["topology/discover"] = { "base", "topology" },
  ["runtime/wire"] = { "base" },
  ["runtime"] = { "base", "topology", "runtime/wire" },
  ["runtime/stream"] = { "base" },
  ["runtime/hosts"] = { "base", "runtime", "runtime/stream", "runtime/wire" },
  ["runtime/fabric"] = { "base", "runtime/hosts", "runtime/wire" },
  ["runtime/world"] = { "base", "topology", "runtime", "runtime/hosts", "runtime/wire" },
  ["runtime/connection"] = { "base", "topology", "runtime", "runtime/stream", "runtime/wire" },
  ["measure"] = { "base", "topology", "runtime" },
  ["launcher"] = { "base", "topology", "topology/discover", "runtime/stream", "runtime/wire" },
  ["relay"] = {
    "base", "launcher", "runtime", "runtime/connection", "runtime/stream", "runtime/wire",
  },
  ["bindings/lua"] = {
    "base", "topology", "runtime", "runtime/connection", "runtime/stream", "runtime/wire",
  },
}
-- These may use anything, and nothing may use them.
local on_top <const> = { ["tests"] = true, ["bench"] = true, ["examples"] = true }
-- Names all installed headers, for programs.
local all_headers <const> = "runtime/ipcrun.hpp"

-- Each library that shapes the code around it is known to one folder.
local homes <const> = {
  { header = "^hwloc[./]", folder = "topology/discover" },
  { header = "^lua%.hp?p?$", folder = "bindings/lua" },
  { header = "^l[au][ux]%w*lib%.h$", folder = "bindings/lua" },
  { header = "^sodium", folder = "runtime/stream" },
  { header = "^pmi", folder = "launcher/bootstrap" },
  { header = "^rdma/", folder = "runtime/fabric" },
  { header = "^cuda", folder = "runtime/cuda" },
  { header = "^nvml", folder = "topology/discover" },
  { header = "^pugixml", folder = "topology/discover" },
  { header = "^uv%.h$", folder = "base" },
  { header = "^nlohmann/", folder = "launcher/show", also = "topology/link" },
}

local lines_max <const> = 400
local columns_max <const> = 100
-- In two halves, so that this file does not contain them.
local unfinished <const> = { "TO" .. "DO", "FIX" .. "ME", "XX" .. "X", "HA" .. "CK" }

---The longest key of `folders` that `path` lies in, or nil.
local function folder_in(path, folders)
  local prefix = path
  while true do
    prefix = prefix:match("^(.*)/[^/]*$")
    if not prefix then return nil end
    if folders[prefix] then return prefix end
  end
end

local function contains(list, wanted)
  for _, value in ipairs(list) do
    if value == wanted then return true end
  end
  return false
end

---Why `path` must not include the file `included`, or nil.
local function quoted_include_fault(path, included)
  if folder_in(path, on_top) or path == all_headers then return nil end
  if folder_in(included, on_top) then return "nothing may use " .. folder_in(included, on_top) end
  local to = folder_in(included, allowed)
  if not to then return "a quoted include starts with one of our folders" end
  local from = folder_in(path, allowed)
  if not from then return "this folder is not in the table of tests/tidy.lua" end
  if from == to or contains(allowed[from], to) then return nil end
  return ("%s may not use %s"):format(from, to)
end

local function library_fault(path, included)
  if folder_in(path, on_top) then return nil end
  for _, home in ipairs(homes) do
    local homely = { [home.folder] = true, [home.also or home.folder] = true }
    if included:find(home.header) and folder_in(path, homely) == nil then
      return ("<%s> is for %s only"):format(included, home.folder)
    end
  end
end

---Test cases are named "component: a sentence".
local function name_fault(line)
  local name = line:match('^%s*TEST_CASE%w*%(%s*"(.-)"')
  if name and not name:find("^[%w_ /.-]+: %S+ %S+ %S+") then
    return 'a test is named "component: a sentence of behaviour"'
  end
end

local function line_faults(path, line, report)
  local columns = utf8.len(line)
  if columns == nil then report("not UTF-8") end
  if (columns or #line) > columns_max and not path:find("meson%.build$") then
    report("longer than 100 columns")
  end
  if line:find("%s$") then report("white space at the end") end
  for _, word in ipairs(unfinished) do
    if line:find("%f[%w_]" .. word .. "%f[^%w_]") then report("says " .. word) end
  end
  local quoted = line:match('^%s*#%s*include%s+"([^"]+)"')
  local angled = line:match("^%s*#%s*include%s+<([^>]+)>")
  local fault = quoted and quoted_include_fault(path, quoted)
    or (angled or quoted) and library_fault(path, angled or quoted) or name_fault(line)
  if fault then report(fault) end
end

local function header_faults(text, report)
  local is_repeated = text:find("\n// Included anew for every target: no include guard.\n", 1, true)
  if not is_repeated and not text:find("\n#pragma once\n", 1, true) then
    report("no #pragma once")
  end
  local before_code = text:match("^(.-)\n#include") or text
  if not before_code:find("\n///", 1, true) then
    report("no /// paragraph above the includes that says what lives here")
  end
end

---Faults of the file `path`, as lines "path:line: what".
local function file_faults(path, text, faults)
  local number = 0
  local function report(what) table.insert(faults, ("%s:%d: %s"):format(path, number, what)) end
  local is_program = not path:find("%.%w+$")
  local is_build = path:find("meson%.build$")
  local spdx = "^[-#/]+ SPDX%-License%-Identifier: Apache%-2%.0$"
  for line in (text .. (text:find("\n$") and "" or "\n")):gmatch("(.-)\n") do
    number = number + 1
    line_faults(path, line, report)
    if number == 1 and not is_build and not line:find(spdx) and not line:find("^#!") or
       number == 2 and text:find("^#!") and not line:find(spdx) then
      report("no SPDX line on top")
    end
  end
  if is_program and not text:find("^#!") then report("no interpreter line") end
  if number > lines_max then report(("has %d lines; split it below 400"):format(number)) end
  number = 1
  if path:find("%.hpp$") then header_faults(text, report) end
end

---A test that no meson.build names is a test that nobody runs.
local function unregistered_faults(files, faults)
  local named = {}
  for path, text in pairs(files) do
    if path:find("meson%.build$") then
      for line in text:gmatch("[^\n]+") do
        for word in line:gsub("#.*", ""):gmatch("[%w_./-]+") do
          named[word:match("[^/]*$")] = true
        end
      end
    end
  end
  for path in pairs(files) do
    local file, stem = path:match("(([^/]+_test)%.%w+)$")
    if file and not named[file] and not named[stem] then
      table.insert(faults, path .. ":1: no meson.build names this test")
    end
  end
end

---All faults of a tree, given as a table from path to text, sorted.
local function check(files)
  local faults = {}
  for path, text in pairs(files) do file_faults(path, text, faults) end
  unregistered_faults(files, faults)
  table.sort(faults)
  return faults
end

---The sources below `root`, read whole.
local function read_tree(root)
  local files, count = {}, 0
  local listing = assert(io.popen("cd '" .. root:gsub("'", "'\\''") .. "' && " ..
    "find . \\( -name .git -o -path './build*' -o -path ./subprojects \\) -prune -o -type f \\( " ..
    "-name '*.[ch]pp' -o -name '*.[ch]' -o -name '*.cu' -o -name '*.lua' -o -name '*.sh' " ..
    "-o -name meson.build -o -path ./dev -o -path ./.ci/run -o -path ./bench/run \\) -print"))
  for path in listing:lines() do
    path = path:gsub("^%./", "")
    local file = assert(io.open(root .. "/" .. path, "rb"))
    files[path], count = file:read("a"), count + 1
    file:close()
  end
  assert(listing:close(), "cannot list the files below " .. root)
  assert(count > 0, "no sources below " .. root)
  return files, count
end

local head <const> = "// SPDX-License-Identifier: Apache-2.0\n"

-- Name of the rule, path, text, and what must be said about it (nil: nothing).
local examples <const> = {
  { "a folder may use the ones below it", "runtime/a.cpp", head .. '#include "base/error.hpp"\n' },
  { "a folder may not use the ones above it", "base/a.cpp",
    head .. '#include "runtime/heap.hpp"\n', "base may not use runtime" },
  { "ranks know nothing of discovery", "runtime/a.cpp",
    head .. '#include "topology/discover/discover.hpp"\n',
    "runtime may not use topology/discover" },
  { "the launcher may use the wire format", "launcher/a.cpp",
    head .. '#include "runtime/wire/worker_protocol.hpp"\n' },
  { "the launcher may use nothing else of the runtime", "launcher/a.cpp",
    head .. '#include "runtime/heap.hpp"\n', "launcher may not use runtime" },
  { "the wire format stands on base", "runtime/wire/a.cpp",
    head .. '#include "runtime/heap.hpp"\n', "runtime/wire may not use runtime" },
  { "tests may use anything", "tests/runtime/a.cpp", head .. '#include "launcher/plan.hpp"\n' },
  { "nothing may use tests", "base/a.cpp",
    head .. '#include "tests/support/ranks.hpp"\n', "nothing may use tests" },
  { "an include line shows its folder", "base/a.cpp", head .. '#include "error.hpp"\n',
    "a quoted include starts with one of our folders" },
  { "a new folder needs its row in the table", "plugins/a.cpp",
    head .. '#include "base/error.hpp"\n', "not in the table" },
  { "hwloc has one home", "topology/a.cpp", head .. "#include <hwloc.h>\n", "<hwloc.h> is for" },
  { "hwloc may live in its home", "topology/discover/a.cpp", head .. "#include <hwloc.h>\n" },
  { "Lua has one home", "runtime/a.cpp", head .. "#include <lua.hpp>\n", "<lua.hpp> is for" },
  { "Lua's auxiliary library has one home", "runtime/a.cpp", head .. "#include <lauxlib.h>\n",
    "<lauxlib.h> is for" },
  { "Lua may live in a folder of its home", "bindings/lua/torch/a.cpp",
    head .. "#include <lua.hpp>\n" },
  { "libuv has one home", "launcher/a.cpp", head .. "#include <uv.h>\n", "<uv.h> is for base" },
  { "fabrics have one home", "runtime/a.cpp", head .. "#include <rdma/fabric.h>\n", "is for" },
  { "CUDA has one home", "runtime/a.cpp", head .. "#include <cuda_runtime.h>\n", "is for" },
  { "the licence comes first", "base/a.cpp", "\n", "no SPDX line on top" },
  { "the licence comes second after an interpreter line", "a.sh",
    "#!/bin/sh\n# SPDX-License-Identifier: Apache-2.0\n" },
  { "a script names its licence too", "a.sh", "#!/bin/sh\n:\n", "no SPDX line on top" },
  { "a script that is a command names its interpreter", "dev",
    "# SPDX-License-Identifier: Apache-2.0\n", "no interpreter line" },
  { "a header guards itself", "base/a.hpp", head .. "/// Words.\n", "no #pragma once" },
  { "unless it is included anew for every target", "base/a.hpp",
    head .. "// Included anew for every target: no include guard.\n/// Words.\n" },
  { "a header says what lives in it", "base/a.hpp", head .. "#pragma once\n#include <map>\n",
    "no /// paragraph" },
  { "a file is short", "base/a.cpp", head .. ("int;\n"):rep(400), "has 401 lines" },
  { "a line is short", "base/a.cpp", head .. ("x"):rep(101) .. "\n", "longer than 100 columns" },
  { "a line is measured in characters", "base/a.cpp", head .. ("é"):rep(100) .. "\n" },
  { "a line ends with what is seen", "base/a.cpp", head .. "int; \n", "white space at the end" },
  { "a source is text", "base/a.cpp", head .. "\xff\n", "not UTF-8" },
  { "nothing is left for later", "base/a.cpp", head .. "// " .. unfinished[1] .. ": more\n",
    "says " .. unfinished[1] },
  { "a word that contains another is fine", "base/a.cpp", head .. 'char n[] = "aXXXXXX";\n' },
  { "a test case is a sentence", "tests/base/a.cpp", head .. 'TEST_CASE("text") {}\n',
    "a test is named" },
  { "a test that nobody runs is found", "tests/base/a_test.cpp", head, "no meson.build names" },
}

local function self_test()
  local all_right = true
  print("1.." .. #examples + 1)
  for index, example in ipairs(examples) do
    local name, path, text, expected = table.unpack(example, 1, 4)
    local faults = check({ [path] = text })
    local right = expected == nil and #faults == 0
      or expected ~= nil and #faults == 1 and faults[1]:find(expected, 1, true) ~= nil
    all_right = all_right and right
    print(("%s %d - tidy: %s"):format(right and "ok" or "not ok", index, name))
    if not right then print("# it said: " .. table.concat(faults, "; ")) end
  end
  local registered = #check({ ["tests/a_test.lua"] = "-- SPDX-License-Identifier: Apache-2.0\n",
    ["tests/meson.build"] = "test('a', lua, args : files('a_test.lua'))\n" }) == 0
  print(("%s %d - tidy: a test that meson.build names is fine"):format(
    registered and "ok" or "not ok", #examples + 1))
  return all_right and registered
end

if arg[1] == "--self-test" then os.exit(self_test()) end
local files, count = read_tree(arg[1] or ".")
local faults = check(files)
for _, fault in ipairs(faults) do print(fault) end
print(("%d files, %d faults"):format(count, #faults))
os.exit(#faults == 0)
