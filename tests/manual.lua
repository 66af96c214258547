-- SPDX-License-Identifier: Apache-2.0
-- Holds manual pages against the code: `lua5.4 tests/manual.lua ROOT HEADER...`, in TAP. What the
-- public headers declare is in libipcrun(3), the environment variables of the sources are in
-- ipcrun-env(7), and nothing else is in either.

local root <const> = assert(arg[1], "the root of the sources is missing")

local function read(path)
  local file <close> = assert(io.open(path))
  return (file:read("a"))
end

---The words in bold of a page in scdoc, as a set.
local function bold_words(path)
  local words = {}
  for word in read(path):gsub("```.-```", ""):gsub("\\(.)", "%1"):gmatch("%*(%w[^*\n]-)%*") do
    words[word] = true
  end
  return words
end

---`text` without comments, preprocessor lines and the contents of quotes.
local function code_of(text)
  text = text:gsub("//[^\n]*", ""):gsub("\n#[^\n]*", "\n"):gsub('"[^"\n]*"', '""')
  return (text:gsub("'[^'\n]'", "''"))
end

---What a declaration of `scope` names, or nil: constructors and operators go with their class.
local function declared_name(text, scope)
  if not text:find("%S") or text:find("^%s*friend%s") or text:find("operator") then return nil end
  if text:find("^%s*static_assert") then return nil end
  local name = text:match("^%s*using%s+([%w_]+)%s*=")
  if text:find("^%s*using%s") then return name end
  name = text:match("^%s*struct%s+([%w_]+)%s*$") or text:match("^%s*class%s+([%w_]+)%s*$")
  if name then return name end
  local before = text:gsub("%b<>", ""):match("^[^(=]*%(")
  if before then
    name = before:match("([%w_~]+)%s*%($")
    local class = scope:match("([%w_]+)$")
    return name ~= class and not name:find("~") and name or nil
  end
  return (text:gsub("%s*[={%[].*$", ""):match("([%w_]+)%s*$"))
end

---The end of the group in brackets that begins at `first`.
local function group_end(code, first)
  local _, last = code:find(code:sub(first, first) == "(" and "^%b()" or "^%b{}", first)
  return assert(last, "brackets that do not match")
end

local declarations

---Where a declaration goes on that a brace has come to: what the brace begins decides.
local function enter(code, position, text, scope, found)
  local last = group_end(code, position)
  local body = code:sub(position + 1, last - 1)
  if text:find("^%s*namespace") then
    declarations(body, "", true, found)
    return last, ""
  end
  local enum = text:match("^%s*enum%s+class%s+([%w_]+)")
  local kind, class = text:match("^%s*(%l+)%s+([%w_]+)")
  if enum then
    found[scope .. enum] = true
    for name in body:gmatch("([%w_]+)%s*[,}=]") do found[scope .. enum .. "::" .. name] = true end
    local final = body:match("([%w_]+)%s*$")
    if final then found[scope .. enum .. "::" .. final] = true end
  elseif kind == "class" or kind == "struct" then
    found[scope .. class] = true
    declarations(body, scope .. class .. "::", kind == "struct", found)
  elseif text:find("%(") and not text:find("=%s*$") then
    return last, text .. ";"  -- the body of a function ends its declaration
  else
    return last, text .. "{}"  -- an initialiser
  end
  return last, ""
end

---Adds what `code`, the inside of the class or namespace `scope`, declares for everybody.
function declarations(code, scope, is_public, found)
  local text, position = "", 1
  local function finish()
    local name = is_public and declared_name(text, scope:gsub("::$", "")) or nil
    if name then found[scope .. name] = true end
    text = ""
  end
  while position <= #code do
    local character = code:sub(position, position)
    local access = code:match("^(%l+):%f[^:]", position)
    if access == "public" or access == "private" or access == "protected" then
      is_public, text, position = access == "public", "", position + #access
    elseif character == "(" then
      local last = group_end(code, position)
      text, position = text .. "()", last
    elseif character == "{" then
      local hidden = is_public and found or {}
      position, text = enter(code, position, text, scope, hidden)
      if text:find(";$") then
        text = text:sub(1, -2)
        finish()
      end
    elseif character == ";" then
      finish()
    else
      text = text .. character
    end
    position = position + 1
  end
end

---Every environment variable of ours that the sources of `folders` name in quotes.
local function variables_in(folders)
  local found = {}
  local command = "cd '%s' && grep -rhoE --include='*.[ch]pp' --include='*.lua' " ..
    "\"['\\\"]IPCRUN_[A-Z_]+['\\\"]\" %s"
  local pipe = assert(io.popen(command:format(root, folders)))
  for line in pipe:lines() do found[line:sub(2, -2)] = true end
  pipe:close()
  return found
end

---The names in `set` that are not in `other`, in order and in one line.
local function missing(set, other, accept)
  local names = {}
  for name in pairs(set) do
    if not other[name] and (accept == nil or accept(name)) then table.insert(names, name) end
  end
  table.sort(names)
  return table.concat(names, " ")
end

local count, failed = 0, 0
local function is_empty(names, what)
  count = count + 1
  if names ~= "" then failed = failed + 1 end
  print(("%s %d - manual: %s"):format(names == "" and "ok" or "not ok", count, what))
  if names ~= "" then print("# " .. names) end
end

local declared = {}
for i = 2, #arg do declarations(code_of(read(arg[i])), "", true, declared) end
is_empty(declared["Communicator::send"] and declared["Op::sum"] and declared["Part::count"] and ""
  or "Communicator::send, Op::sum or Part::count", "the headers are understood")
is_empty(declared["Communicator::impl_"] and "Communicator::impl_" or "", "private members are not")
local described = bold_words(root .. "/man/libipcrun.3.scd")
is_empty(missing(declared, described), "libipcrun(3) describes all that the headers declare")
is_empty(missing(described, declared, function(name)
  return name:find("^%w[%w_]*::[%w_:]+$") and not name:find("^std::")
    or name:find("^%u%l+%u?%l*$") ~= nil
end), "the headers declare all that libipcrun(3) describes")

local sources = variables_in("base topology runtime launcher bindings examples")
local function is_ours(name) return name:find("^IPCRUN_") ~= nil end
local environment = bold_words(root .. "/man/ipcrun-env.7.scd")
is_empty(missing(sources, environment), "ipcrun-env(7) has all variables of the sources")
is_empty(missing(environment, sources, function(name) return name:find("^IPCRUN_%u") ~= nil end),
  "the sources have all variables of ipcrun-env(7)")
for _, page in ipairs { "ipcrun.1", "ipcrun-lua.1" } do
  is_empty(missing(bold_words(("%s/man/%s.scd"):format(root, page)), environment, is_ours),
    "ipcrun-env(7) has all variables of " .. page)
end
print("1.." .. count)
os.exit(failed == 0, true)
