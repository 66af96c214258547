-- SPDX-License-Identifier: Apache-2.0
-- Which functions of Lua mean an operator that is built in: those whose bytecode, but for its
-- lines, is that of a known form. What they look up must be what it was when we were loaded.
local native = ...

-- Forms of function(a, b) …, and for which leaves they mean the operator. `via`: what stands in the
-- first upvalue.
local forms <const> = {
  { op = "sum", tensors = true, numbers = true, "return a + b", "return b + a" },
  { op = "sum", tensors = true, "return a:add(b)", "a:add(b)", "a:add(b) return a" },
  { op = "prod", numbers = true, "return a * b", "return b * a" },
  { op = "prod", tensors = true, "return a:cmul(b)", "a:cmul(b)", "a:cmul(b) return a" },
  { op = "max", tensors = true, "return a:cmax(b)", "a:cmax(b)", "a:cmax(b) return a" },
  { op = "min", tensors = true, "return a:cmin(b)", "a:cmin(b)", "a:cmin(b) return a" },
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
-- around it its upvalues are. Nil for what has no code.
local function code_of(f)
  local good, code = pcall(string.dump, f, true)
  if not good then return nil end
  local size, lines = read_size(code, 33)  -- behind the header: the name of the source
  lines = lines + math.max(size - 1, 0)
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
      local code = code_of(load(source)())
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

-- The known form of `f`, or nil.
local function form_of(f)
  if f == native.max then return { op = "max", numbers = true } end
  if f == native.min then return { op = "min", numbers = true } end
  local code = code_of(f)
  for _, form in ipairs(code and known[code] or {}) do
    if looks_up_ours(f, form) then return form end
  end
end

--- The operator that `f` is for these leaves, or nil. A name of an operator is itself.
return function(f, leaves)
  if type(f) == "string" then return f end
  local form = form_of(f)
  if not form then return nil end
  local has_tensors = false
  for i = 1, leaves.n do
    local leaf = leaves[i]
    if math.type(leaf) then
      if not form.numbers then return nil end
    elseif form.tensors and native.is_tensor(leaf) then
      has_tensors = true
    else
      return nil
    end
  end
  if has_tensors and not native.is_unpatched() then return nil end
  return form.op
end
