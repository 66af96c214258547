// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/communicator.hpp"

#include <climits>
#include <string_view>

#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/marshal.hpp"
#include "bindings/lua/ipc/membership.hpp"
#include "bindings/lua/ipc/options.hpp"
#include "bindings/lua/ipc/value.hpp"
#include "bindings/lua/ipc/work.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* world_key = "ipcrun.the world";

CommunicatorObject& push_object(lua_State* lua) {
    return create_userdata<CommunicatorObject>(lua, communicator_metatable);
}

// Finalisers that run when the state is closed may come after that of the communicator.
CommunicatorObject& check_alive(lua_State* lua, int index) {
    auto& object = check_userdata<CommunicatorObject>(lua, index, communicator_metatable);
    if (object.membership == nullptr) luaL_error(lua, "the world is closed, as this Lua state is");
    return object;
}

void push_members(lua_State* lua, Communicator& communicator) {
    const int size = communicator.size();
    lua_createtable(lua, size, 0);
    for (int i = 0; i < size; ++i) {
        lua_pushinteger(lua, communicator.members()[static_cast<std::size_t>(i)]);
        lua_rawseti(lua, -2, i + 1);
    }
}

// The fields that are numbers; false when there is no such field.
bool push_number_field(lua_State* lua, const Membership& membership, Communicator& communicator,
                       std::string_view name) {
    if (name == "rank") {
        lua_pushinteger(lua, communicator.rank());
    } else if (name == "size") {
        lua_pushinteger(lua, communicator.size());
    } else if (!membership.is_world()) {
        return false;
    } else if (const Job::Place& place = membership.job->place(); name == "node") {
        lua_pushinteger(lua, place.node);
    } else if (name == "local_rank") {
        lua_pushinteger(lua, place.local_rank);
    } else if (name == "local_size") {
        lua_pushinteger(lua, place.local_size);
    } else {
        return false;
    }
    return true;
}

// Methods are upvalue 1.
int index(lua_State* lua) {
    lua_settop(lua, 2);
    lua_pushvalue(lua, 2);
    if (lua_rawget(lua, lua_upvalueindex(1)) != LUA_TNIL) return 1;
    if (lua_type(lua, 2) != LUA_TSTRING) return 1;  // nil
    const std::string_view name = lua_tostring(lua, 2);
    if (name != "members" && name != "rank" && name != "size" && name != "node" &&
        name != "local_rank" && name != "local_size")
        return 1;
    Membership& membership = *check_object(lua, 1).membership;
    Communicator& communicator = *membership.get();
    if (name == "members")
        push_members(lua, communicator);
    else if (!push_number_field(lua, membership, communicator, name))
        lua_pushnil(lua);
    return 1;
}

int set_index(lua_State* lua) {
    return luaL_error(lua, "cannot set '%s': the fields of a communicator are read-only",
                      luaL_tolstring(lua, 2, nullptr));
}

// All but the world, which lasts as long as the state.
void close_own(lua_State* lua, CommunicatorObject& object) {
    Membership& membership = *object.membership;
    const Failure failure = attempt([&] {
        membership.own.reset();
        membership.group.reset();
        membership.under_way.clear();
    });
    if (failure) raise_table(lua, failure);
}

int close(lua_State* lua) {
    CommunicatorObject& object = check_alive(lua, 1);
    if (object.membership->is_world())
        return luaL_error(lua, "close: the world cannot be closed: it ends with this Lua state");
    close_own(lua, object);
    return 0;
}

int close_at_end_of_scope(lua_State* lua) {
    CommunicatorObject& object = check_alive(lua, 1);
    if (!object.membership->is_world()) close_own(lua, object);
    return 0;
}

int format(lua_State* lua) {
    const CommunicatorObject& object = check_alive(lua, 1);
    Communicator* communicator = object.membership->get();
    if (communicator == nullptr)
        lua_pushliteral(lua, "ipc.Communicator (closed)");
    else
        lua_pushfstring(lua, "%s (rank %d of %d)",
                        object.membership->is_world() ? "ipc.world" : "ipc.Communicator",
                        communicator->rank(), communicator->size());
    return 1;
}

int set_lag(lua_State* lua) {
    check_communicator(lua);
    const lua_Integer bytes = luaL_checkinteger(lua, 2);
    luaL_argcheck(lua, bytes >= 0, 2, "the lag is a number of bytes, 0 or more");
    Communicator& communicator = check_communicator(lua);
    const Failure failure = attempt([&] { communicator.set_lag(static_cast<std::size_t>(bytes)); });
    if (failure) raise_table(lua, failure);
    return 0;
}

Locality check_locality(lua_State* lua, int index) {
    const std::string_view name = luaL_checkstring(lua, index);
    if (name == "numa") return Locality::numa;
    if (name == "l3") return Locality::l3;
    if (name != "node")
        luaL_argerror(lua, index,
                      lua_pushfstring(lua, "no such locality: '%s' (there are: node, numa, l3)",
                                      name.data()));
    return Locality::node;
}

// split(colour [, key [, options]]) and split("numa" [, options]).
int split(lua_State* lua) {
    const int size = check_communicator(lua).size();
    const bool by_locality = lua_type(lua, 2) == LUA_TSTRING;
    const Locality locality = by_locality ? check_locality(lua, 2) : Locality::node;
    lua_Integer colour = -1;
    lua_Integer key = 0;
    if (!by_locality) {
        luaL_checkany(lua, 2);
        if (!lua_isnil(lua, 2)) colour = luaL_checkinteger(lua, 2);
        if (!lua_istable(lua, 3)) key = luaL_optinteger(lua, 3, 0);
        luaL_argcheck(lua, colour <= INT_MAX, 2, "the colour is too large");
        luaL_argcheck(lua, key >= INT_MIN && key <= INT_MAX, 3, "the key is too large");
    }
    const bool options_third = by_locality || lua_istable(lua, 3);
    const Options options = check_options(lua, options_third ? 3 : 4, option_timeout, size);
    const LuaSite site = calling_line(lua);
    CommunicatorObject& result = push_object(lua);
    Communicator& communicator = check_communicator(lua);
    bool is_member = true;
    const Failure failure = attempt([&] {
        auto membership = std::make_shared<Membership>();
        if (by_locality) {
            membership->own = communicator.split(locality, options.deadline, site.get());
        } else {
            const int asked = colour < 0 ? -1 : static_cast<int>(colour);
            membership->own =
                communicator.split(asked, static_cast<int>(key), options.deadline, site.get());
        }
        is_member = membership->own.has_value();
        result.membership = std::move(membership);
    });
    if (failure) raise_table(lua, failure);
    if (!is_member) lua_pushnil(lua);
    return 1;
}

// Once a state. __index comes last: where it is, all is.
void register_class(lua_State* lua) {
    const int top = lua_gettop(lua);
    const bool is_known = luaL_getmetatable(lua, communicator_metatable) != LUA_TNIL &&
                          lua_getfield(lua, -1, "__index") != LUA_TNIL;
    lua_settop(lua, top);
    if (is_known) return;
    register_value(lua);
    register_errors(lua);
    register_marshal(lua);
    register_work(lua);
    static const luaL_Reg own_methods[] = {
        {"close", close}, {"set_lag", set_lag}, {"split", split}, {nullptr, nullptr}};
    static const luaL_Reg metamethods[] = {{"__newindex", set_index},
                                           {"__tostring", format},
                                           {"__close", close_at_end_of_scope},
                                           {"__gc", collect<CommunicatorObject>},
                                           {nullptr, nullptr}};
    luaL_newmetatable(lua, communicator_metatable);
    luaL_setfuncs(lua, metamethods, 0);
    lua_newtable(lua);
    for (const luaL_Reg* methods : {own_methods, value_methods, exchange_methods, message_methods})
        luaL_setfuncs(lua, methods, 0);
    lua_pushcclosure(lua, index, 1);
    lua_setfield(lua, -2, "__index");
    lua_pop(lua, 1);
}

int world(lua_State* lua) {
    if (lua_getfield(lua, LUA_REGISTRYINDEX, world_key) != LUA_TNIL) {
        (void)check_alive(lua, -1);
        return 1;
    }
    const std::shared_ptr<Job>& job = check_job(lua, "ipc.world");
    Context& shared = context(lua);
    register_class(lua);
    CommunicatorObject& object = push_object(lua);
    const Failure failure = attempt([&] {
        auto membership = std::make_shared<Membership>();
        membership->job = job;
        shared.world = membership;
        object.membership = std::move(membership);
    });
    if (failure) raise_string(lua, failure);
    lua_pushvalue(lua, -1);
    lua_setfield(lua, LUA_REGISTRYINDEX, world_key);
    return 1;
}

}  // namespace

CommunicatorObject& check_object(lua_State* lua, int index) {
    CommunicatorObject& object = check_alive(lua, index);
    if (object.membership->get() == nullptr) luaL_error(lua, "the communicator is closed");
    return object;
}

CommunicatorObject& push_new_communicator(lua_State* lua) {
    register_class(lua);
    return push_object(lua);
}

void push_world_function(lua_State* lua) {
    lua_pushcfunction(lua, world);
}

}  // namespace ipcrun::lua
