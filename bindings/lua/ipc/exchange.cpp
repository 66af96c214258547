// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/exchange.hpp"

#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/blocks.hpp"
#include "bindings/lua/ipc/communicator.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* metatable_name = "ipcrun.exchange";
// Of the operations on lengths: a member that means the known shape then disagrees with all.
constexpr std::uint64_t layout_of_lengths = 0x6c65'6e67'7468'7301;
constexpr std::uint64_t layout_of_parcels = 0x7061'7263'656c'7301;

// Values on their way to several members, and from them; in a userdata, so that Lua frees it.
struct Exchange {
    std::unique_ptr<Outgoing[]> values;  // what this member gives
    std::size_t count = 0;
    Parcels sent;
    Parcels received;

    void pack(const std::shared_ptr<Heap>& heap) {
        std::vector<const Outgoing*> packed;
        for (std::size_t i = 0; i < count; ++i) {
            values[i].pack();
            packed.push_back(&values[i]);
        }
        sent.assemble(packed, heap);
    }
};

void register_exchange(lua_State* lua) {
    if (luaL_newmetatable(lua, metatable_name) != 0) {
        lua_pushcfunction(lua, collect<Exchange>);
        lua_setfield(lua, -2, "__gc");
    }
    lua_pop(lua, 1);
}

Exchange& push_exchange(lua_State* lua, int count) {
    register_exchange(lua);
    auto& exchange = create_userdata<Exchange>(lua, metatable_name);
    const Failure failure = attempt([&] {
        exchange.values = std::make_unique<Outgoing[]>(static_cast<std::size_t>(count));
        exchange.count = static_cast<std::size_t>(count);
    });
    if (failure) raise_table(lua, failure);
    return exchange;
}

// The list at `index`, one value for each member.
void marshal_list(lua_State* lua, int index, Exchange& exchange, int size, const char* operation) {
    for (int i = 0; i < size; ++i) {
        lua_rawgeti(lua, index, i + 1);
        marshal(lua, -1, exchange.values[static_cast<std::size_t>(i)], operation);
        lua_pop(lua, 1);
    }
}

// Pushes the value, or the list of all values, that came.
int push_received(lua_State* lua, const Exchange& exchange, int first, int count, bool as_list,
                  const char* operation) {
    const std::shared_ptr<Heap>& heap = context(lua).heap;
    if (as_list) lua_createtable(lua, count, 0);
    for (int i = first; i < first + count; ++i) {
        Incoming& incoming = push_incoming(lua);
        const Failure failure =
            attempt([&] { exchange.received.open(static_cast<std::size_t>(i), incoming, heap); });
        if (failure) raise_table(lua, failure);
        unmarshal(lua, incoming, operation);
        lua_remove(lua, -2);
        if (as_list) lua_rawseti(lua, -2, i - first + 1);
    }
    return 1;
}

void refuse_async(lua_State* lua, const Options& options, const char* operation) {
    if (options.is_async)
        luaL_error(lua, "%s: async is for tensors of a known shape: give a place, {into = …}",
                   operation);
}

void refuse_varying(lua_State* lua, const Options& options, const char* operation) {
    if (options.is_varying)
        luaL_error(lua, "%s: varying goes with a place, {into = …}; values may always differ",
                   operation);
}

// One exchange, with what all of its operations have in common.
struct Call {
    lua_State* lua;
    Communicator& communicator;
    const Options& options;
    LuaSite site;

    void run(Collective collective, std::uint64_t layout) const {
        collective.layout = layout;
        communicator.run(collective, options.deadline, site.get());
    }
};

constexpr unsigned options_known = option_timeout | option_async | option_into | option_varying;

// allgather(value [, options])
int allgather(lua_State* lua) {
    const int size = check_communicator(lua).size();
    luaL_checkany(lua, 2);
    const Options options = check_options(lua, 3, options_known, size);
    if (options.into != 0) return allgather_into(lua, options);
    refuse_async(lua, options, "allgather");
    refuse_varying(lua, options, "allgather");
    Exchange& exchange = push_exchange(lua, 1);
    marshal(lua, 2, exchange.values[0], "allgather");
    const std::shared_ptr<Heap>& heap = context(lua).heap;
    const Call call{lua, check_communicator(lua), options, calling_line(lua)};
    const Failure failure = attempt([&] {
        exchange.pack(heap);
        exchange.received.lengths().resize(static_cast<std::size_t>(size));
        call.run(
            Collective::allgather(exchange.sent.lengths_part(), exchange.received.lengths_part()),
            layout_of_lengths);
        exchange.received.make_room(heap);
        call.run(Collective::allgatherv(exchange.sent.part(), exchange.received.part()),
                 layout_of_parcels);
    });
    if (failure) raise_table(lua, failure);
    return push_received(lua, exchange, 0, size, true, "allgather");
}

// gather(value [, root [, options]])
int gather(lua_State* lua) {
    Communicator& communicator = check_communicator(lua);
    const int size = communicator.size();
    luaL_checkany(lua, 2);
    const int root = check_rank(lua, 3, "the root", size, 0);
    const bool is_root = communicator.rank() == root;
    const Options options = check_options(lua, 4, options_known, size);
    if (options.into != 0) return gather_into(lua, options, root, is_root);
    refuse_async(lua, options, "gather");
    refuse_varying(lua, options, "gather");
    Exchange& exchange = push_exchange(lua, 1);
    marshal(lua, 2, exchange.values[0], "gather");
    const std::shared_ptr<Heap>& heap = context(lua).heap;
    const Call call{lua, check_communicator(lua), options, calling_line(lua)};
    const Failure failure = attempt([&] {
        exchange.pack(heap);
        if (is_root) exchange.received.lengths().resize(static_cast<std::size_t>(size));
        call.run(Collective::gather(exchange.sent.lengths_part(), exchange.received.lengths_part(),
                                    root),
                 layout_of_lengths);
        if (is_root) exchange.received.make_room(heap);
        const Part to = is_root ? exchange.received.part() : Part{nullptr, 0, Dtype::u8};
        call.run(Collective::gatherv(exchange.sent.part(), to, root), layout_of_parcels);
    });
    if (failure) raise_table(lua, failure);
    if (is_root) return push_received(lua, exchange, 0, size, true, "gather");
    lua_pushnil(lua);
    return 1;
}

// A list of `size` values at 2, or a tensor that is cut into as many along its first dimension:
// pushed as a list then.
void check_pieces(lua_State* lua, int size, const char* operation) {
    const Tensor* tensor = test_tensor(lua, 2);
    if (tensor == nullptr) {
        if (!lua_istable(lua, 2))
            raise_expected(lua, 2,
                           "a list with a value for each member, or "
                           "a tensor to be cut into pieces");
        lua_getfield(lua, 2, "n");  // of table.pack: there may be nil among the values
        const lua_Integer count = lua_isinteger(lua, -1) != 0
                                      ? lua_tointeger(lua, -1)
                                      : static_cast<lua_Integer>(lua_rawlen(lua, 2));
        if (count != size)
            luaL_error(lua, "%s: the list has %I values; there are %d members", operation, count,
                       size);
        lua_pushvalue(lua, 2);
        return;
    }
    if (tensor->dims == 0 || tensor->sizes[0] % size != 0)
        luaL_error(lua,
                   "%s: the first dimension of the tensor, of size %I, cannot be cut into %d equal "
                   "pieces; give a list of tensors",
                   operation, lua_Integer(tensor->dims == 0 ? 0 : tensor->sizes[0]), size);
    lua_createtable(lua, size, 0);
    for (int i = 0; i < size; ++i) {
        Tensor& piece = push_tensor(lua);
        piece = check_tensor(lua, 2);
        piece.sizes[0] /= size;
        piece.offset += i * piece.sizes[0] * piece.strides[0];
        lua_rawseti(lua, -2, i + 1);
    }
}

// scatter([list or tensor [, root [, options]]])
int scatter(lua_State* lua) {
    Communicator& communicator = check_communicator(lua);
    const int size = communicator.size();
    const int root = check_rank(lua, 3, "the root", size, 0);
    const bool is_root = communicator.rank() == root;
    const Options options = check_options(lua, 4, options_known, size);
    if (options.into != 0) return scatter_into(lua, options, root, is_root);
    refuse_async(lua, options, "scatter");
    refuse_varying(lua, options, "scatter");
    if (is_root)
        check_pieces(lua, size, "scatter");
    else
        lua_pushnil(lua);
    const int pieces = lua_gettop(lua);
    Exchange& exchange = push_exchange(lua, is_root ? size : 0);
    if (is_root) marshal_list(lua, pieces, exchange, size, "scatter");
    const std::shared_ptr<Heap>& heap = context(lua).heap;
    const Call call{lua, check_communicator(lua), options, calling_line(lua)};
    const Failure failure = attempt([&] {
        if (is_root) exchange.pack(heap);
        exchange.received.lengths().resize(1);
        call.run(Collective::scatter(exchange.sent.lengths_part(), exchange.received.lengths_part(),
                                     root),
                 layout_of_lengths);
        exchange.received.make_room(heap);
        const Part from = is_root ? exchange.sent.part() : Part{nullptr, 0, Dtype::u8};
        call.run(Collective::scatterv(from, exchange.received.part(), root), layout_of_parcels);
    });
    if (failure) raise_table(lua, failure);
    return push_received(lua, exchange, 0, 1, false, "scatter");
}

// alltoall(list or tensor [, options])
int alltoall(lua_State* lua) {
    const int size = check_communicator(lua).size();
    const Options options =
        check_options(lua, 3, option_timeout | option_async | option_into, size);
    if (TensorArgument(lua, 2)) return alltoall_tensor(lua, options, size);
    refuse_async(lua, options, "alltoall");
    if (options.into != 0) luaL_error(lua, "alltoall: a place goes with a tensor, not with a list");
    check_pieces(lua, size, "alltoall");
    const int pieces = lua_gettop(lua);
    Exchange& exchange = push_exchange(lua, size);
    marshal_list(lua, pieces, exchange, size, "alltoall");
    const std::shared_ptr<Heap>& heap = context(lua).heap;
    const Call call{lua, check_communicator(lua), options, calling_line(lua)};
    const Failure failure = attempt([&] {
        exchange.pack(heap);
        exchange.received.lengths().resize(static_cast<std::size_t>(size));
        call.run(
            Collective::alltoall(exchange.sent.lengths_part(), exchange.received.lengths_part()),
            layout_of_lengths);
        exchange.received.make_room(heap);
        call.run(Collective::alltoallv(exchange.sent.part(), exchange.sent.rooms(),
                                       exchange.received.part(), exchange.received.rooms()),
                 layout_of_parcels);
    });
    if (failure) raise_table(lua, failure);
    return push_received(lua, exchange, 0, size, true, "alltoall");
}

}  // namespace

const luaL_Reg exchange_methods[] = {{"allgather", allgather},
                                     {"gather", gather},
                                     {"scatter", scatter},
                                     {"alltoall", alltoall},
                                     {"reduce_scatter", reduce_scatter},
                                     {nullptr, nullptr}};

}  // namespace ipcrun::lua
