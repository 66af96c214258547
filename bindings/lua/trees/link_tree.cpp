// SPDX-License-Identifier: Apache-2.0
// Values of Lua along a tree of connections.
#include "runtime/connection/link_tree.hpp"

#include <algorithm>
#include <cstring>
#include <vector>

#include "base/hash.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/marshal.hpp"
#include "bindings/lua/ipc/options.hpp"
#include "bindings/lua/ipc/value.hpp"
#include "bindings/lua/torch/arguments.hpp"
#include "bindings/lua/trees/end.hpp"
#include "bindings/lua/trees/functions.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* link_tree_type = "ipcrun.link tree";

struct LinkTreeObject {
    std::unique_ptr<LinkTree> tree;
    std::vector<StoragePtr> spares;  // memory of messages, by child; the parent's is the last
};

LinkTreeObject& check_object(lua_State* lua) {
    auto& object = check_userdata<LinkTreeObject>(lua, 1, link_tree_type);
    if (object.tree == nullptr) luaL_error(lua, "the tree is closed, as this Lua state is");
    return object;
}

// Raises, where lines of Lua are known to be of the tree's caller.
void raise_if(lua_State* lua, const Failure& failure) {
    if (failure) raise_table(lua, failure);
}

// link_tree(parent or nil, children, nodes, tag, own number, parent's or nil, list of the
// children's): numbers from 1
int link_tree(lua_State* lua) {
    luaL_checktype(lua, 2, LUA_TTABLE);
    const auto nodes = static_cast<int>(luaL_checkinteger(lua, 3));
    const auto tag = static_cast<int>(luaL_checkinteger(lua, 4));
    const auto own_number = static_cast<int>(luaL_checkinteger(lua, 5));
    const auto number_above = static_cast<int>(luaL_optinteger(lua, 6, 0));
    luaL_checktype(lua, 7, LUA_TTABLE);
    lua_settop(lua, 7);
    register_value(lua);
    register_errors(lua);
    register_marshal(lua);
    if (luaL_newmetatable(lua, link_tree_type) != 0) {
        lua_pushcfunction(lua, collect<LinkTreeObject>);
        lua_setfield(lua, -2, "__gc");
    }
    lua_pop(lua, 1);
    const auto count = static_cast<lua_Integer>(lua_rawlen(lua, 2));
    luaL_checkstack(lua, static_cast<int>(count) + LUA_MINSTACK, "too many children");
    for (lua_Integer i = 1; i <= count; ++i) {
        lua_rawgeti(lua, 2, i);
        (void)check_shared_end(lua, -1);
    }
    const int first = lua_gettop(lua) - static_cast<int>(count) + 1;
    const TreeEnd* parent = test_end(lua, 1);
    auto& object = create_userdata<LinkTreeObject>(lua, link_tree_type);
    raise_if(lua, attempt([&] {
                 std::vector<std::shared_ptr<Connection>> children;
                 LinkTree::Numbers numbers{own_number - 1, number_above - 1};
                 for (int i = 0; i < count; ++i) {
                     children.push_back(test_end(lua, first + i)->connection);
                     lua_rawgeti(lua, 7, i + 1);  // which raises nothing
                     numbers.children.push_back(static_cast<int>(lua_tointeger(lua, -1)) - 1);
                     lua_pop(lua, 1);
                 }
                 object.spares.resize(children.size() + 1);
                 object.tree =
                     std::make_unique<LinkTree>(parent != nullptr ? parent->connection : nullptr,
                                                std::move(children), nodes, tag, numbers);
             }));
    return 1;
}

// Equal for values that fit each other.
std::uint64_t number_of(const Value& packed) {
    Hash hash;
    hash.add(packed.layout());
    for (const Part& part : packed.parts()) {
        hash.add(static_cast<std::uint64_t>(part.dtype));
        hash.add(static_cast<std::uint64_t>(part.count));
    }
    return hash.value();
}

// layout(tree, value, op): a number that is equal on nodes whose values can be combined
int layout(lua_State* lua) {
    const Op op = check_op(lua, 3);
    Value& value = push_value(lua);
    value.load(lua, 2, "allReduce");
    std::uint64_t number = 0;
    raise_if(lua, attempt([&] {
                 value.pack(op);
                 number = number_of(value);
             }));
    lua_pushinteger(lua, static_cast<lua_Integer>(number));
    return 1;
}

// scatter_layout(tree, value): the same for what is only copied; nil for what must be a message
int scatter_layout(lua_State* lua) {
    Value& value = push_value(lua);
    if (lua_isnoneornil(lua, 2) || !value.try_load(lua, 2, "scatter")) {
        lua_pushnil(lua);
        return 1;
    }
    std::uint64_t number = 0;
    raise_if(lua, attempt([&] {
                 value.pack(Op::sum, false);
                 number = number_of(value);
             }));
    lua_pushinteger(lua, static_cast<lua_Integer>(number));
    return 1;
}

// reduce(tree, value, op): combined over all nodes, in place
int reduce_native(lua_State* lua) {
    const Op op = check_op(lua, 3);
    Value& value = push_value(lua);
    value.load(lua, 2, "allReduce");
    const int holders = lua_gettop(lua);
    LinkTree& tree = *check_object(lua).tree;
    raise_if(lua, attempt([&] {
                 value.pack(op);
                 tree.allreduce(value.parts(), op);
                 value.unpack();
             }));
    return value.store(lua, 2, holders);
}

// scatter(tree, value): the root's, in place
int scatter_native(lua_State* lua) {
    Value& value = push_value(lua);
    value.load(lua, 2, "scatter");
    const int holders = lua_gettop(lua);
    LinkTree& tree = *check_object(lua).tree;
    raise_if(lua, attempt([&] {
                 value.pack(Op::sum, false);
                 tree.broadcast(value.parts());
                 value.unpack();
             }));
    return value.store(lua, 2, holders);
}

// begin(tree): an exchange of values
int begin(lua_State* lua) {
    LinkTree& tree = *check_object(lua).tree;
    raise_if(lua, attempt([&] { tree.begin_exchange(); }));
    return 0;
}

// Pushes the value of a message, which lies in `spare` until somebody asks for another.
template <typename Receive>
int receive_value(lua_State* lua, std::size_t slot, Receive receive) {
    Incoming& incoming = push_incoming(lua);
    const std::shared_ptr<Heap>& heap = context(lua).heap;
    LinkTreeObject& object = check_object(lua);
    raise_if(lua, attempt([&] {
                 StoragePtr& spare = object.spares.at(slot);
                 const Message message = receive(*object.tree, std::move(spare));
                 spare = message.storage;
                 incoming.open(message.storage, 0, message.envelope.bytes, heap);
             }));
    unmarshal(lua, incoming, "Tree", Functions::refused);
    incoming = Incoming();  // the tensors alone hold the message now
    return 1;
}

// receive_from(tree, i): the value of child i
int receive_from(lua_State* lua) {
    const auto child = static_cast<std::size_t>(luaL_checkinteger(lua, 2)) - 1;
    return receive_value(lua, child, [child](LinkTree& tree, StoragePtr spare) {
        return tree.receive_from(child, std::move(spare));
    });
}

// pass_down(tree): the parent's value, which the children have got
int pass_down(lua_State* lua) {
    const std::size_t slot = check_object(lua).spares.size() - 1;
    return receive_value(lua, slot, [](LinkTree& tree, StoragePtr spare) {
        return tree.pass_down(std::move(spare));
    });
}

template <typename Send>
int send_value(lua_State* lua, Send send) {
    Outgoing& outgoing = push_outgoing(lua);
    marshal(lua, 2, outgoing, "Tree");
    LinkTree& tree = *check_object(lua).tree;
    raise_if(lua, attempt([&] {
                 outgoing.pack();
                 send(tree, outgoing.parts());
                 outgoing.clear();
             }));
    return 0;
}

// send_up(tree, value), send_down(tree, value)
int send_up(lua_State* lua) {
    return send_value(lua, [](LinkTree& tree, const auto& parts) { tree.send_up(parts); });
}

int send_down(lua_State* lua) {
    return send_value(lua, [](LinkTree& tree, const auto& parts) { tree.send_down(parts); });
}

// let_go(leaf): of a message, so that its memory can be used again; unless others see it
int let_go(lua_State* lua) {
    Tensor* tensor = test_tensor(lua, 1);
    StorageObject* object = tensor == nullptr ? test_storage(lua, 1) : nullptr;
    if (tensor == nullptr && object == nullptr) return 0;
    StoragePtr& storage = tensor != nullptr ? tensor->storage : object->storage;
    raise_if(lua, attempt([&] {
                 if (storage.use_count() > 1) return;
                 storage = Storage::create(nullptr, storage->dtype(), 0);
                 if (tensor == nullptr) return;
                 tensor->dims = 0;
                 tensor->offset = 0;
             }));
    return 0;
}

// take(leaf, other): puts the elements of `other` into `leaf`; false where they do not fit
int take(lua_State* lua) {
    Tensor* to = test_tensor(lua, 1);
    Tensor* from = test_tensor(lua, 2);
    bool fits = false;
    if (to != nullptr && from != nullptr) {
        fits = to->dtype() == from->dtype() && to->dims == from->dims &&
               std::equal(to->sizes, to->sizes + to->dims, from->sizes);
        if (fits) copy_elements(*from, *to);
    } else if (test_storage(lua, 1) != nullptr && test_storage(lua, 2) != nullptr) {
        const StoragePtr& target = test_storage(lua, 1)->storage;
        const StoragePtr& source = test_storage(lua, 2)->storage;
        fits = target->dtype() == source->dtype() && target->count() == source->count();
        if (fits && source->bytes() > 0)
            std::memcpy(target->data(), source->data(), source->bytes());
    }
    lua_pushboolean(lua, fits);
    return 1;
}

}  // namespace

const luaL_Reg link_tree_functions[] = {{"link_tree", link_tree},
                                        {"layout", layout},
                                        {"scatter_layout", scatter_layout},
                                        {"reduce_native", reduce_native},
                                        {"scatter_native", scatter_native},
                                        {"begin", begin},
                                        {"receive_from", receive_from},
                                        {"pass_down", pass_down},
                                        {"send_up", send_up},
                                        {"send_down", send_down},
                                        {"let_go", let_go},
                                        {"take", take},
                                        {nullptr, nullptr}};

}  // namespace ipcrun::lua
