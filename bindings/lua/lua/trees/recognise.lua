-- SPDX-License-Identifier: Apache-2.0
-- Which functions of Lua mean an operator that is built in: those whose bytecode, but for its
-- lines, is that of a known form. What they look up must be what it was when we were loaded.
local use = ...
local native = use "core"

-- Forms of function(a, b) …, and for which leaves they mean the operator. `tensors`: by which
-- method of theirs. `via`: what stands in the first upvalue.
local forms <const> = {
  { op = "sum", tensors = "__add", numbers = true, "return a + b", "return b + a" },
  { op = "sum", tensors = "add", "return a:add(b)", "a:add(b)", "a:add(b) return a" },
  { op = "prod", numbers = true, "return a * b", "return b * a" },
  { op = "prod", tensors = "cmul", "return a:cmul(b)", "a:cmul(b)", "a:cmul(b) return a" },
  { op = "max", tensors = "cmax", "return a:cmax(b)", "a:cmax(b)", "a:cmax(b) return a" },
  { op = "min", tensors = "cmin", "return a:cmin(b)", "a:cmin(b)", "a:cmin(b) return a" },
  { op = "max", numbers = true, via = "math", "return math.max(a, b)", "return math.max(b, a)" },
  { op = "min", numbers = true, via = "math", "return math.min(a, b)", "return math.min(b, a)" },
  { op = "max", numbers = true, via = "max", "return max(a, b)", "return max(b, a)" },
  { op = "min", numbers = true, via = "min", "return min(a, b)", "return min(b, a)" },
}

-- Numbers of Lua's dump format (ldump.c): seven bits a byte, the last one marked.
local function read_size(code, at)
  local value = 0
  repeat
    local byte = code:byte(at)
    value, at = value << 7 | byte & 0x7f, at + 1
  until byte & 0x80 ~= 0
  return value, at
end

-- Constants: how many bytes stand behind the type.
local function skip_constant(code, at)
  local kind = code:byte(at)
  at = at + 1
  if kind == 0x03 or kind == 0x13 then return at + 8 end
  if kind == 0x04 or kind == 0x14 then
    local size
    size, at = read_size(code, at)
    return at + size - 1
  end
  return at
end

-- The code of a function without what depends on where it stands: its lines, and which variables
-- around it its upvalues are; of its dump, without what is for debuggers.
local function code_of(code)
  local size, lines = read_size(code, 33)  -- behind the header: the name of the source
  if size > 0 then lines = lines + size - 1 end
  local _, at = read_size(code, lines)
  _, at = read_size(code, at)
  local behind_lines = at
  size, at = read_size(code, at + 3)
  size, at = read_size(code, at + 4 * size)
  for _ = 1, size do at = skip_constant(code, at) end
  local upvalues = at
  size, at = read_size(code, at)
  return code:sub(1, lines - 1) .. code:sub(behind_lines, upvalues) .. code:sub(at + 3 * size)
end

local known = {}  -- by code: the forms that look like it, which may look up different functions
for _, form in ipairs(forms) do
  for _, body in ipairs(form) do
    for _, opening in ipairs { "", "\n\nlocal x, y = 1, 2\n" } do
      local source = opening .. (form.via == "max" and "local max\n" or "")
        .. (form.via == "min" and "local min\n" or "")
        .. "return function(a, b) " .. body .. " end"
      local code = code_of(string.dump(load(source)(), true))
      known[code] = known[code] or {}
      table.insert(known[code], form)
    end
  end
end

-- Do the names that the form looks up still mean what they did?
local function looks_up_ours(f, form)
  if form.via == nil then return true end
  local _, value = debug.getupvalue(f, 1)
  if form.via ~= "math" then return value == native[form.via] end
  local math_now = type(value) == "table" and rawget(value, "math")
  return type(math_now) == "table" and rawget(math_now, form.op) == native[form.op]
end

-- By dump: the forms that functions look like. Functions are made anew for each call as often as
-- not, so that they themselves would be no keys. What they look up is looked at in every call.
local forms_by_dump, dumps_held = {}, 0
local dumps_max <const> = 256
local no_forms <const> = {}

local function forms_of(f)
  local good, dump = pcall(string.dump, f, true)
  if not good then return no_forms end
  local found = forms_by_dump[dump]
  if not found then
    found = known[code_of(dump)] or no_forms
    if dumps_held == dumps_max then forms_by_dump, dumps_held = {}, 0 end
    forms_by_dump[dump], dumps_held = found, dumps_held + 1
  end
  return found
end

local max_form <const>, min_form <const> = { op = "max", numbers = true },
  { op = "min", numbers = true }

-- The known form of `f`, or nil.
local function form_of(f)
  if f == native.max then return max_form end
  if f == native.min then return min_form end
  for _, form in ipairs(forms_of(f)) do
    if looks_up_ours(f, form) then return form end
  end
end

--- The operator that `f` is for leaves of these kinds (see leaves.kinds), or nil. A name of an
-- operator is itself.
return function(f, kinds)
  if type(f) == "string" then return f end
  if not kinds then return nil end
  local form = form_of(f)
  if not form or kinds.numbers and not form.numbers then return nil end
  if kinds.tensors and not (form.tensors and native.is_unpatched(form.tensors)) then return nil end
  return form.op
end
