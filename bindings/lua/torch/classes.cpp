// SPDX-License-Identifier: Apache-2.0
// torch.class, torch.type, torch.typename: classes of torch7 as plain tables, in Lua itself.
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* source = R"lua(
local torch, userdata_name, is_tensor_type, tensor_methods = ...
local classes = {}  -- by name: the metatable of its objects

--- Defines a class. torch.class('pkg.Name' [, parent name] [, module table]) returns the class and
--- its parent's; calling the class (or module.Name) makes an object and runs __init on it.
function torch.class(name, parent_name, module)
  if type(parent_name) == 'table' then parent_name, module = nil, parent_name end
  if type(name) ~= 'string' then
    error('torch.class: expected the name of the class, got ' .. type(name), 2)
  end
  local parent
  if parent_name ~= nil then
    parent = classes[parent_name]
    if not parent then error("torch.class: there is no class '" .. parent_name .. "'", 2) end
  end
  local class = {__typename = name}
  class.__index = class
  classes[name] = class
  local function new(_, ...)
    local object = setmetatable({}, class)
    if class.__init then class.__init(object, ...) end
    return object
  end
  setmetatable(class, {__index = parent, __call = new})
  local package_name, short_name = name:match('^(.-)%.?([^.]+)$')
  if not module and package_name == 'torch' then module = torch end
  if not module then module = package_name == '' and _G or _G[package_name] end
  if type(module) == 'table' then module[short_name] = class end
  return class, parent
end

--- The class name of an object, or nil.
function torch.typename(object)
  local kind = type(object)
  if kind == 'userdata' then return userdata_name(object) end
  if kind ~= 'table' then return nil end
  local class = getmetatable(object)
  local name = type(class) == 'table' and rawget(class, '__typename')
  return name and classes[name] and name or nil
end

--- The class name, or else what Lua's type() says.
function torch.type(object)
  return torch.typename(object) or type(object)
end

--- Whether `object` is of the class `name` or of one that inherits from it.
function torch.isTypeOf(object, name)
  if type(name) == 'table' then name = rawget(name, '__typename') end
  if type(object) == 'userdata' then return torch.typename(object) == name end
  local class = getmetatable(object)
  while type(class) == 'table' do
    if rawget(class, '__typename') == name then return true end
    local meta = getmetatable(class)
    class = meta and meta.__index
  end
  return false
end

--- The methods of a class, by its name. All tensor types share one table.
function torch.getmetatable(name)
  if is_tensor_type(name) then return tensor_methods end
  return classes[name]
end
)lua";

int is_tensor_type(lua_State* lua) {
    const char* name = luaL_checkstring(lua, 1);
    Dtype dtype;
    lua_pushboolean(lua,
                    parse_type_name(name, dtype) && std::strcmp(name, tensor_name_of(dtype)) == 0);
    return 1;
}

int userdata_name(lua_State* lua) {
    if (const Tensor* tensor = test_tensor(lua, 1)) {
        lua_pushstring(lua, tensor_name_of(tensor->dtype()));
    } else if (const StorageObject* storage = test_storage(lua, 1)) {
        lua_pushstring(lua, storage_name_of(storage->storage->dtype()));
    } else if (luaL_getmetafield(lua, 1, "__typename") == LUA_TNIL) {
        lua_pushnil(lua);
    }
    return 1;
}

}  // namespace

void register_classes(lua_State* lua, int torch, int methods) {
    if (luaL_loadbufferx(lua, source, std::strlen(source), "=torch.class", "t") != LUA_OK)
        lua_error(lua);
    lua_pushvalue(lua, torch);
    lua_pushcfunction(lua, userdata_name);
    lua_pushcfunction(lua, is_tensor_type);
    lua_pushvalue(lua, methods);
    lua_call(lua, 4, 0);
}

}  // namespace ipcrun::lua
