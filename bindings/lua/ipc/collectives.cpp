// SPDX-License-Identifier: Apache-2.0
// What works on values where they are: barrier, allreduce, reduce, and broadcast to those who give
// a place (broadcast.cpp has the rest).
#include "bindings/lua/ipc/broadcast.hpp"
#include "bindings/lua/ipc/communicator.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/operate.hpp"

namespace ipcrun::lua {

namespace {

int finish_barrier(lua_State* lua, Work&, int) {
    lua_pushboolean(lua, 1);
    return 1;
}

int barrier(lua_State* lua) {
    const int size = check_communicator(lua).size();
    const Options options = check_options(lua, 2, option_timeout | option_async, size);
    const LuaSite site = calling_line(lua);
    Work* work = nullptr;
    if (options.is_async) {
        lua_newtable(lua);
        work = &push_work(lua, finish_barrier);
    }
    CommunicatorObject& object = check_object(lua, 1);
    Communicator& communicator = *object.membership->get();
    const Failure failure = attempt([&] {
        if (work == nullptr) return communicator.barrier(options.deadline, site.get());
        start_work(*work, object.membership, 0, [&](int) {
            return communicator.start(Collective::barrier(), options.deadline, site.get());
        });
    });
    if (failure) raise_table(lua, failure);
    return options.is_async ? 1 : 0;
}

// allreduce(value [, op [, options]]) and allreduce(value, options).
int allreduce(lua_State* lua) {
    const int size = check_communicator(lua).size();
    luaL_checkany(lua, 2);
    const bool options_third = lua_istable(lua, 3);
    const Op op = options_third ? Op::sum : check_op(lua, 3);
    const Options options =
        check_options(lua, options_third ? 3 : 4, option_timeout | option_async, size);
    Value& value = push_value(lua);
    value.load(lua, 2, "allreduce");
    return operate(lua, value, {options, op, true, true}, [op](const Value& packed) {
        Collective collective = Collective::allreduce(packed.parts(), op);
        collective.layout = packed.layout();
        return collective;
    });
}

// reduce(value [, root [, op [, options]]]).
int reduce(lua_State* lua) {
    Communicator& communicator = check_communicator(lua);
    luaL_checkany(lua, 2);
    const int root = check_rank(lua, 3, "the root", communicator.size(), 0);
    const bool is_root = communicator.rank() == root;
    const bool options_fourth = lua_istable(lua, 4);
    const Op op = options_fourth ? Op::sum : check_op(lua, 4);
    const Options options = check_options(lua, options_fourth ? 4 : 5,
                                          option_timeout | option_async, communicator.size());
    Value& value = push_value(lua);
    value.load(lua, 2, "reduce");
    return operate(
        lua, value, {options, op, true, is_root}, [op, root, is_root](const Value& packed) {
            const std::span<const Part> parts = packed.parts();
            Collective collective =
                Collective::reduce(parts, is_root ? parts : std::span<const Part>(), op, root);
            collective.layout = packed.layout();
            return collective;
        });
}

// broadcast([value [, root [, options]]]).
int broadcast(lua_State* lua) {
    const int size = check_communicator(lua).size();
    luaL_checkany(lua, 2);
    const int root = check_rank(lua, 3, "the root", size, 0);
    const Options options = check_options(lua, 4, option_timeout | option_async, size);
    Value& value = push_value(lua);
    const bool is_place = value.try_load(lua, 2, "broadcast");
    if (options.is_async) {
        if (!is_place)
            luaL_error(lua,
                       "broadcast: with async all ranks give a place: tensors, storages, numbers, "
                       "booleans, and tables of these");
        return operate(lua, value, {options, Op::sum, false, true},
                       [root](const Value& packed) { return broadcast_in_place(packed, root); });
    }
    return broadcast_value(lua, is_place ? &value : nullptr, root, options);
}

}  // namespace

const luaL_Reg value_methods[] = {{"barrier", barrier},
                                  {"allreduce", allreduce},
                                  {"reduce", reduce},
                                  {"broadcast", broadcast},
                                  {nullptr, nullptr}};

}  // namespace ipcrun::lua
