// SPDX-License-Identifier: Apache-2.0
// torch.FloatStorage and its kin: flat memory, as scripts see it.
#include <algorithm>

#include "base/fail.hpp"
#include "bindings/lua/torch/convert.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

View view_of(const StoragePtr& storage) {
    View view;
    view.dtype = storage->dtype();
    view.data = storage->data();
    view.shape = {1, {std::int64_t(storage->count())}};
    view.strides[0] = 1;
    return view;
}

std::byte* element(const StoragePtr& storage, std::int64_t index) {
    return storage->data() + index * std::int64_t(size_of(storage->dtype()));
}

/// torch.FloatStorage(), (n), (table), (another storage to share). The dtype is an upvalue.
int create(lua_State* lua) {
    const Dtype dtype = Dtype(lua_tointeger(lua, lua_upvalueindex(1)));
    std::int64_t count = 0;
    const bool from_table = lua_istable(lua, 1);
    const StorageObject* shared = test_storage(lua, 1);
    if (from_table)
        count = std::int64_t(lua_rawlen(lua, 1));
    else if (shared == nullptr)
        count = luaL_optinteger(lua, 1, 0);
    if (count < 0) luaL_argerror(lua, 1, "the size is negative");
    StorageObject& result = push_storage(lua);
    run(lua, [&] {
        if (shared == nullptr) {
            result.storage = create_storage(lua, dtype, count);
            return;
        }
        if (shared->storage->dtype() != dtype)
            fail(ErrorCode::usage, "cannot share a {} as a {}; use :copy()",
                 storage_name_of(shared->storage->dtype()), storage_name_of(dtype));
        result.storage = shared->storage;
    });
    for (std::int64_t i = 0; from_table && i < count; ++i) {
        lua_rawgeti(lua, 1, i + 1);
        if (lua_type(lua, -1) != LUA_TNUMBER)
            luaL_argerror(lua, 1,
                          lua_pushfstring(lua, "element %I is a %s, not a number",
                                          lua_Integer(i + 1), luaL_typename(lua, -1)));
        const Scalar value = to_scalar(lua, -1);
        check_fits(lua, 1, value, dtype);
        store_element(dtype, element(result.storage, i), value);
        lua_pop(lua, 1);
    }
    return 1;
}

int index(lua_State* lua) {
    StorageObject& self = check_storage(lua, 1);
    if (lua_type(lua, 2) == LUA_TSTRING) {
        lua_pushvalue(lua, 2);
        lua_rawget(lua, lua_upvalueindex(1));
        return 1;
    }
    const std::int64_t at = check_index(lua, 2, std::int64_t(self.storage->count()));
    push_scalar(lua, load_element(self.storage->dtype(), element(self.storage, at)));
    return 1;
}

int set_index(lua_State* lua) {
    StorageObject& self = check_storage(lua, 1);
    const std::int64_t at = check_index(lua, 2, std::int64_t(self.storage->count()));
    const Dtype dtype = self.storage->dtype();
    store_element(dtype, element(self.storage, at), check_element(lua, 3, dtype));
    return 0;
}

int size(lua_State* lua) {
    lua_pushinteger(lua, lua_Integer(check_storage(lua, 1).storage->count()));
    return 1;
}

int fill_storage(lua_State* lua) {
    StorageObject& self = check_storage(lua, 1);
    const Scalar value = check_element(lua, 2, self.storage->dtype());
    run(lua, [&] { fill(view_of(self.storage), value); });
    lua_settop(lua, 1);
    return 1;
}

int copy_storage(lua_State* lua) {
    StorageObject& self = check_storage(lua, 1);
    StorageObject& from = check_storage(lua, 2);
    run(lua, [&] { copy(view_of(from.storage), view_of(self.storage)); });
    lua_settop(lua, 1);
    return 1;
}

int resize_storage(lua_State* lua) {
    StorageObject& self = check_storage(lua, 1);
    const lua_Integer count = luaL_checkinteger(lua, 2);
    luaL_argcheck(lua, count >= 0, 2, "the size is negative");
    run(lua, [&] {
        StoragePtr resized = create_storage(lua, self.storage->dtype(), count);
        std::memcpy(resized->data(), self.storage->data(),
                    std::min(resized->bytes(), self.storage->bytes()));
        self.storage = std::move(resized);
    });
    lua_settop(lua, 1);
    return 1;
}

/// The bytes as a Lua string; with an argument they are set to it, and so is the size.
int string(lua_State* lua) {
    StorageObject& self = check_storage(lua, 1);
    const Dtype dtype = self.storage->dtype();
    if (size_of(dtype) != 1) raise_expected(lua, 1, "a ByteStorage or CharStorage");
    if (lua_isnoneornil(lua, 2)) {
        lua_pushlstring(lua, reinterpret_cast<const char*>(self.storage->data()),
                        self.storage->count());
        return 1;
    }
    std::size_t length = 0;
    const char* text = luaL_checklstring(lua, 2, &length);
    run(lua, [&] {
        if (self.storage->count() != length)
            self.storage = create_storage(lua, dtype, std::int64_t(length));
        std::memcpy(self.storage->data(), text, length);
    });
    lua_settop(lua, 1);
    return 1;
}

int totable(lua_State* lua) {
    StorageObject& self = check_storage(lua, 1);
    const std::int64_t count = std::int64_t(self.storage->count());
    lua_createtable(lua, int(std::min<std::int64_t>(count, 1 << 20)), 0);
    // The size is read again each time: a finaliser may resize the storage.
    for (std::int64_t i = 0; i < std::int64_t(self.storage->count()); ++i) {
        push_scalar(lua, load_element(self.storage->dtype(), element(self.storage, i)));
        lua_rawseti(lua, -2, i + 1);
    }
    return 1;
}

int type(lua_State* lua) {
    lua_pushstring(lua, storage_name_of(check_storage(lua, 1).storage->dtype()));
    return 1;
}

int equal(lua_State* lua) {
    const StorageObject* a = test_storage(lua, 1);
    const StorageObject* b = test_storage(lua, 2);
    lua_pushboolean(lua, a != nullptr && b != nullptr && a->storage.get() == b->storage.get());
    return 1;
}

int tostring(lua_State* lua) {
    StorageObject& self = check_storage(lua, 1);
    luaL_Buffer text;
    luaL_buffinit(lua, &text);
    for (std::int64_t i = 0; i < std::int64_t(self.storage->count()); ++i) {
        const Scalar value = load_element(self.storage->dtype(), element(self.storage, i));
        if (value.is_integer)
            lua_pushfstring(lua, " %I\n", lua_Integer(value.integer));
        else
            lua_pushfstring(lua, " %f\n", lua_Number(value.real));
        luaL_addvalue(&text);
    }
    lua_pushfstring(lua, "[%s of size %I]\n", storage_name_of(self.storage->dtype()),
                    lua_Integer(self.storage->count()));
    luaL_addvalue(&text);
    luaL_pushresult(&text);
    return 1;
}

}  // namespace

StorageObject* test_storage(lua_State* lua, int index) {
    auto* object = static_cast<StorageObject*>(luaL_testudata(lua, index, storage_metatable));
    return object != nullptr && object->storage ? object : nullptr;
}

StorageObject& check_storage(lua_State* lua, int index) {
    StorageObject* object = test_storage(lua, index);
    if (object == nullptr) raise_expected(lua, index, "a storage");
    return *object;
}

StorageObject& push_storage(lua_State* lua) {
    require_torch(lua);
    return create_userdata<StorageObject>(lua, storage_metatable);
}

void push_sizes(lua_State* lua, const std::int64_t* values, int count) {
    StorageObject& sizes = push_storage(lua);
    run(lua, [&] { sizes.storage = Storage::create(nullptr, Dtype::i64, std::size_t(count)); });
    std::copy_n(values, count, reinterpret_cast<std::int64_t*>(sizes.storage->data()));
}

void register_storages(lua_State* lua, int torch) {
    static const luaL_Reg methods[] = {{"size", size},         {"fill", fill_storage},
                                       {"copy", copy_storage}, {"resize", resize_storage},
                                       {"string", string},     {"totable", totable},
                                       {"type", type},         {nullptr, nullptr}};
    static const luaL_Reg metamethods[] = {{"__newindex", set_index},
                                           {"__len", size},
                                           {"__eq", equal},
                                           {"__tostring", tostring},
                                           {"__gc", collect<StorageObject>},
                                           {nullptr, nullptr}};
    luaL_newmetatable(lua, storage_metatable);
    lua_pushliteral(lua, "torch.Storage");  // in messages of Lua
    lua_setfield(lua, -2, "__name");
    luaL_setfuncs(lua, metamethods, 0);
    luaL_newlib(lua, methods);
    lua_pushcclosure(lua, index, 1);
    lua_setfield(lua, -2, "__index");
    lua_pop(lua, 1);
    for (int i = 0; i < dtype_count; ++i) {
        lua_pushinteger(lua, i);
        lua_pushcclosure(lua, create, 1);
        lua_setfield(lua, torch, storage_name_of(Dtype(i)) + std::strlen("torch."));
    }
    lua_pushinteger(lua, int(Dtype::f64));
    lua_pushcclosure(lua, create, 1);
    lua_setfield(lua, torch, "Storage");
}

}  // namespace ipcrun::lua
