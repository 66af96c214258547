// SPDX-License-Identifier: Apache-2.0
// Reductions that begin before anybody knows whether all nodes mean the same.
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/membership.hpp"
#include "bindings/lua/ipc/options.hpp"
#include "bindings/lua/ipc/value.hpp"
#include "bindings/lua/trees/functions.hpp"

namespace ipcrun::lua {

namespace {

// In the layout: so that no row of votes is taken for a value.
constexpr std::uint64_t at_once_mark = 0x6174'206f'6e63'6501;

// allreduce_at_once(communicator, value, op): the result. Raises a mismatch where another member
// has called anything else, as all of them do, and then nothing has moved; and what cannot be
// combined as a string, or as an error of `usage`: nobody has heard of this call then.
int allreduce_at_once(lua_State* lua) {
    const Op op = check_op(lua, 3);
    Value& value = push_value(lua);
    value.load(lua, 2, "allReduce");
    const int holders = lua_gettop(lua);
    const LuaSite site = calling_line(lua);
    Communicator& communicator = check_communicator(lua);
    const Failure failure = attempt([&] {
        value.pack(op);
        Collective collective = Collective::allreduce(value.parts(), op);
        collective.layout = value.layout() ^ at_once_mark;
        communicator.run(collective, Deadline::never(), site.get());
        value.unpack();
    });
    if (failure) raise_table(lua, failure);
    return value.store(lua, 2, holders);
}

// check_value(value, op): raises what allreduce_at_once would
int check_value(lua_State* lua) {
    const Op op = check_op(lua, 2);
    register_value(lua);  // there may be no communicator in this state
    Value& value = push_value(lua);
    value.load(lua, 1, "allReduce");
    if (const Failure failure = attempt([&] { value.pack(op); })) raise_table(lua, failure);
    return 0;
}

}  // namespace

const luaL_Reg at_once_functions[] = {
    {"allreduce_at_once", allreduce_at_once}, {"check_value", check_value}, {nullptr, nullptr}};

}  // namespace ipcrun::lua
