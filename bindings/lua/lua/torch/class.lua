-- SPDX-License-Identifier: Apache-2.0
-- torch.class, torch.factory and torch.isTypeOf: classes of torch7 as plain tables.
-- `reserve(name)` gives the metatable of the objects of a class: the same one at every call.
local torch, reserve = ...

-- Errors are those of the caller, behind the function of C that calls these.
local caller <const> = 3

-- Operators that a class defines between four underscores, as in torch7: objects of its own and of
-- classes that inherit from it have them.
local operators = {}
for name in ("add call concat div eq idiv le len lt mod mul pow sub tostring unm"):gmatch "%a+" do
  operators["__" .. name .. "__"] = "__" .. name
end

-- A placeholder has a name, and no metatable of its own.
local function is_defined(class) return type(class) == "table" and getmetatable(class) ~= nil end

local function define_field(class, key, value)
  rawset(class, key, value)
  local operator = operators[key]
  if operator then
    rawset(class, operator, function(...) return class[key](...) end)
  end
end

local function inherit_operators(class, parent)
  for key, operator in pairs(operators) do
    if parent[key] ~= nil and rawget(class, operator) == nil then
      rawset(class, operator, function(...) return class[key](...) end)
    end
  end
end

-- The table that "pkg.Name" is a field of, and "Name".
local function find_module(name, module)
  local package_name, short_name = name:match "^(.-)%.?([^.]+)$"
  if module == nil then
    if package_name == "torch" then module = torch
    elseif package_name == "" then module = _G
    else module = _G[package_name] end
  end
  return module, short_name
end

local functions = {}

---Defines a class. torch.class("pkg.Name" [, name of the parent] [, module table]) returns the
---class and its parent's; calling the class (or module.Name) makes an object and runs __init on it.
function functions.class(name, parent_name, module)
  if type(parent_name) == "table" then parent_name, module = nil, parent_name end
  if type(name) ~= "string" or not name:find "[^.]$" then
    local got = type(name) == "string" and ("'%s'"):format(name) or type(name)
    error("torch.class: expected the name of the class, got " .. got, caller)
  end
  local parent
  if parent_name ~= nil then
    parent = torch.getmetatable(parent_name)
    if not is_defined(parent) then
      error(("torch.class: there is no class '%s'"):format(parent_name), caller)
    end
  end
  local class = reserve(name)
  rawset(class, "__index", class)
  local function new(_, ...)
    local object = setmetatable({}, class)
    if class.__init then class.__init(object, ...) end
    return object
  end
  setmetatable(class, { __index = parent, __call = new, __newindex = define_field })
  if parent then inherit_operators(class, parent) end
  local home, short_name = find_module(name, module)
  if type(home) == "table" then home[short_name] = class end
  return class, parent
end

---A function that makes objects of the class without running __init, or empty tensors; nil where
---there is no such class.
function functions.factory(name)
  local class = torch.getmetatable(name)
  if is_defined(class) then return function() return setmetatable({}, class) end end
  return class and torch[name:match "^torch%.(.*)$"]
end

-- The name itself, or a pattern for all of it.
local function is_named(name, wanted)
  return name == wanted or name:find("^" .. wanted .. "$") ~= nil
end

---Whether `object` is of a class, or of one that inherits from it. The class is the table that
---torch.class gave, its name, a pattern that the whole name matches, or a constructor of tensors.
function functions.isTypeOf(object, wanted)
  local name = torch.typename(object)
  if not name then return false end
  if type(object) == "userdata" then
    if type(wanted) == "function" then return wanted == torch[name:match "^torch%.(.*)$"] end
    return type(wanted) == "string" and is_named(name, wanted)
  end
  local class = getmetatable(object)
  while type(class) == "table" do
    if class == wanted then return true end
    local class_name = rawget(class, "__typename")
    if type(wanted) == "string" and class_name and is_named(class_name, wanted) then return true end
    local meta = getmetatable(class)
    class = meta and meta.__index
  end
  return false
end

return functions
