// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What the functions of channels and queues have at hand in one Lua state, as their upvalue: so
/// that a small value needs neither a userdata nor a look into the registry.

#include <cstddef>
#include <lua.hpp>
#include <memory>
#include <vector>

#include "bindings/lua/context.hpp"
#include "bindings/lua/threads/item_queue.hpp"

namespace ipcrun::lua {

class ItemSource;

struct Courier {
    Context* shared = nullptr;
    /// What was read last, until it is a value. Lua may raise meanwhile, and code of Lua that runs
    /// meanwhile may read, too: see push_taken().
    Item taken;
    /// Nothing else equals it, now or later.
    std::shared_ptr<const char> identity;
    /// Those of what is waited for, while it is.
    std::vector<Bell*> bells;
    /// Of a select, while it takes an item.
    std::vector<ItemSource*> sources;
    /// Where the next select looks first.
    std::size_t turn = 0;
};

/// To be called once a state, before the functions below. May raise.
void register_courier(lua_State* lua);
/// Pushes this state's one. May raise.
void push_courier(lua_State* lua);
/// That of a function which has it as its first upvalue. Raises for finalisers that Lua calls when
/// the state is closed and this was collected before.
inline Courier& courier(lua_State* lua) {
    auto& found = *static_cast<Courier*>(lua_touserdata(lua, lua_upvalueindex(1)));
    if (found.shared == nullptr) luaL_error(lua, "this Lua state is being closed");
    return found;
}

/// Makes the metatable of a handle whose methods and metamethods have the courier. May raise.
void register_courier_type(lua_State* lua, const char* type_name, const luaL_Reg* methods,
                           const luaL_Reg* metamethods);

/// Items on their way into a queue, in a userdata: so that what happens in Lua cannot lose them.
struct Batch {
    std::vector<Item> items;
};
/// Pushes a batch of the values at `first` to the top, made by this queue. Raises where one cannot
/// go.
Batch& push_batch(lua_State* lua, int first, const ItemQueue& queue, Closures closures,
                  const char* operation);

}  // namespace ipcrun::lua
