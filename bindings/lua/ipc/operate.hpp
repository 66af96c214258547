// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Running, or starting, an operation on a value that was taken apart.

#include <lua.hpp>

#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/membership.hpp"
#include "bindings/lua/ipc/options.hpp"
#include "bindings/lua/ipc/value.hpp"
#include "bindings/lua/ipc/work.hpp"

namespace ipcrun::lua {

struct Manner {
    Options options;
    Op op = Op::sum;
    bool combines = true;    ///< not only copies
    bool has_result = true;  ///< here: else nil is what comes of it
};

/// The ends of works on values; see work.hpp.
int finish_value(lua_State* lua, Work& work, int table);
int finish_without_value(lua_State* lua, Work& work, int table);
/// Pushes a handle that keeps the value at 2 and the table on top, which Value::load left.
Work& push_value_work(lua_State* lua, bool has_result);

/// The value was loaded from index 2, with what that left on top of the stack; `make` gives the
/// operation on a packed one. Pushes the result, or a work handle; returns how many.
template <typename Make>
int operate(lua_State* lua, Value& value, const Manner& manner, Make make) {
    const LuaSite site = calling_line(lua);
    const int holders = lua_gettop(lua);
    Work* work = manner.options.is_async ? &push_value_work(lua, manner.has_result) : nullptr;
    CommunicatorObject& object = check_object(lua, 1);
    Communicator& communicator = *object.membership->get();
    const Failure failure = attempt([&] {
        const Deadline deadline = manner.options.deadline;
        if (work == nullptr) {
            value.pack(manner.op, manner.combines);
            communicator.run(make(value), deadline, site.get());
            if (manner.has_result) value.unpack();
            return;
        }
        start_work(*work, object.membership, std::move(value), [&](Value& held) {
            held.pack(manner.op, manner.combines);
            return communicator.start(make(held), deadline, site.get());
        });
    });
    if (failure) raise_table(lua, failure);
    if (work != nullptr) return 1;
    if (manner.has_result) return value.store(lua, 2, holders);
    lua_pushnil(lua);
    return 1;
}

}  // namespace ipcrun::lua
