// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/handle.hpp"

#include <new>
#include <vector>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/context.hpp"

namespace ipcrun::lua {

// An object may hold the last reference to another, as a channel does to those that wait in it, and
// so on. What ends while another one does in this thread waits until that is done, so that the
// stack does not grow with the chain.
void Holder::let_go() noexcept {
    thread_local std::vector<std::shared_ptr<SharedObject>>* waiting = nullptr;
    if (object_->holders_.fetch_sub(1) == 2) object_->on_lonely();
    if (object_.use_count() > 1) return;
    if (waiting != nullptr) {
        try {
            waiting->push_back(std::move(object_));
        } catch (const std::bad_alloc&) {
            // It ends at once, then.
        }
        return;
    }
    std::vector<std::shared_ptr<SharedObject>> list;
    waiting = &list;
    object_.reset();
    while (!list.empty()) {
        const auto next = std::move(list.back());
        list.pop_back();
    }
    waiting = nullptr;
}

namespace {

// Names of tables in the registry.
constexpr const char* interned_name = "ipcrun.handles";  // address of an object -> userdata, weak
constexpr const char* foreign_name = "ipcrun.foreign";   // type name -> its OpenForeign
// Marks our metatables: its address is the key.
const char handle_mark = 0;

void push_interned(lua_State* lua) {
    if (luaL_getsubtable(lua, LUA_REGISTRYINDEX, interned_name)) return;
    lua_createtable(lua, 0, 1);
    lua_pushliteral(lua, "v");
    lua_setfield(lua, -2, "__mode");
    lua_setmetatable(lua, -2);
}

// Pushes this state's userdata for the object; null, and nothing pushed, when it has none.
HandleObject* find_handle(lua_State* lua, const SharedObject* object) {
    push_interned(lua);
    // When the state is closed, entries stay behind their collected userdata.
    auto* known = lua_rawgetp(lua, -1, object) == LUA_TUSERDATA
                      ? static_cast<HandleObject*>(lua_touserdata(lua, -1))
                      : nullptr;
    if (known == nullptr || !known->holder) {
        lua_pop(lua, 2);
        return nullptr;
    }
    lua_remove(lua, -2);
    return known;
}

int collect_handle(lua_State* lua) {
    auto& handle = *static_cast<HandleObject*>(lua_touserdata(lua, 1));
    if (!handle.holder) return 0;
    handle.holder.get()->on_release(&context(lua));
    handle.holder = Holder();
    return 0;
}

}  // namespace

void register_handle_type(lua_State* lua, const char* type_name, const luaL_Reg* methods,
                          const luaL_Reg* metamethods) {
    if (luaL_newmetatable(lua, type_name) == 0) return lua_pop(lua, 1);
    lua_pushboolean(lua, 1);
    lua_rawsetp(lua, -2, &handle_mark);
    lua_pushcfunction(lua, collect_handle);
    lua_setfield(lua, -2, "__gc");
    if (methods != nullptr) {
        lua_newtable(lua);
        luaL_setfuncs(lua, methods, 0);
        lua_setfield(lua, -2, "__index");
    }
    if (metamethods != nullptr) luaL_setfuncs(lua, metamethods, 0);
    lua_pop(lua, 1);
}

HandleObject& push_new_handle(lua_State* lua, const char* type_name) {
    return create_userdata<HandleObject>(lua, type_name);
}

void intern_handle(lua_State* lua) {
    const auto* handle = static_cast<HandleObject*>(lua_touserdata(lua, -1));
    push_interned(lua);
    lua_pushvalue(lua, -2);
    lua_rawsetp(lua, -2, handle->holder.get());
    lua_pop(lua, 1);
}

HandleObject& push_handle(lua_State* lua, const Holder& holder) {
    if (HandleObject* known = find_handle(lua, holder.get())) return *known;
    HandleObject& handle = push_new_handle(lua, holder.get()->type_name());
    handle.holder = holder;
    intern_handle(lua);
    return handle;
}

HandleObject& settle_handle(lua_State* lua) {
    auto* made = static_cast<HandleObject*>(lua_touserdata(lua, -1));
    HandleObject* known = find_handle(lua, made->holder.get());
    if (known == nullptr) {
        intern_handle(lua);
        return *made;
    }
    lua_remove(lua, -2);
    made->holder = Holder();
    return *known;
}

void release_handle(lua_State* lua, HandleObject& handle) {
    push_interned(lua);
    lua_pushnil(lua);
    lua_rawsetp(lua, -2, handle.holder.get());
    lua_pop(lua, 1);
    handle.holder.get()->on_release(&context(lua));
    handle.holder = Holder();
}

HandleObject* test_handle(lua_State* lua, int index) {
    if (lua_type(lua, index) != LUA_TUSERDATA || lua_getmetatable(lua, index) == 0) return nullptr;
    const bool is_handle = lua_rawgetp(lua, -1, &handle_mark) == LUA_TBOOLEAN;
    lua_pop(lua, 2);
    return is_handle ? static_cast<HandleObject*>(lua_touserdata(lua, index)) : nullptr;
}

void register_foreign_kind(lua_State* lua, const char* type_name, OpenForeign open) {
    luaL_getsubtable(lua, LUA_REGISTRYINDEX, foreign_name);
    auto* memory = static_cast<OpenForeign*>(lua_newuserdatauv(lua, sizeof open, 0));
    *memory = open;
    lua_setfield(lua, -2, type_name);
    lua_pop(lua, 1);
}

void push_foreign(lua_State* lua, std::string_view type_name, std::string_view text,
                  const char* operation) {
    luaL_getsubtable(lua, LUA_REGISTRYINDEX, foreign_name);
    const char* name = lua_pushlstring(lua, type_name.data(), type_name.size());
    lua_pushvalue(lua, -1);
    const auto* open = lua_rawget(lua, -3) == LUA_TUSERDATA
                           ? static_cast<OpenForeign*>(lua_touserdata(lua, -1))
                           : nullptr;
    if (open == nullptr)
        luaL_error(lua, "%s: the message has an object of a kind that is not known: %s", operation,
                   name);
    HandleObject& handle = push_new_handle(lua, name);
    const auto fill = [&] { handle.holder = (*open)(lua, std::string(text)); };
    const Failure failure = attempt_with_collector(lua, fill);
    if (failure) luaL_error(lua, "%s: %s", operation, failure.message);
    settle_handle(lua);
    lua_replace(lua, -4);
    lua_pop(lua, 2);
}

}  // namespace ipcrun::lua
