// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/item.hpp"

#include <new>

#include "bindings/lua/bind.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* packer_name = "ipcrun.packer";
constexpr const char* unpacker_name = "ipcrun.unpacker";
constexpr const char* holder_name = "ipcrun.item";

template <typename T>
void register_type(lua_State* lua, const char* name) {
    luaL_newmetatable(lua, name);
    lua_pushcfunction(lua, collect<T>);
    lua_setfield(lua, -2, "__gc");
    lua_pop(lua, 1);
}

Item make_item(Bytes tokens) {
    auto contents = std::make_shared<ItemContents>();
    contents->tokens = std::move(tokens);
    return contents;
}

// What most items are: one token, made without a detour. False for other values.
bool pack_scalar(lua_State* lua, int index, Failure& failure, Item& item) {
    const int type = lua_type(lua, index);
    if (type != LUA_TNIL && type != LUA_TBOOLEAN && type != LUA_TNUMBER && type != LUA_TSTRING)
        return false;
    std::size_t length = 0;
    const char* text = type == LUA_TSTRING ? lua_tolstring(lua, index, &length) : nullptr;
    failure = attempt([&] {
        TokenWriter tokens;
        if (type == LUA_TNIL)
            tokens.add(Tag::nil);
        else if (type == LUA_TBOOLEAN)
            tokens.add(lua_toboolean(lua, index) != 0 ? Tag::yes : Tag::no);
        else if (type == LUA_TSTRING)
            tokens.add_string({text, length});
        else if (lua_isinteger(lua, index) != 0)
            tokens.add_integer(lua_tointeger(lua, index));
        else
            tokens.add_number(lua_tonumber(lua, index));
        if (tokens.is_out_of_memory()) throw std::bad_alloc();
        item = make_item(tokens.take());
    });
    return true;
}

}  // namespace

template <typename T>
std::uint32_t Packer::add(std::vector<T>& list, const T& object) noexcept {
    try {
        list.push_back(object);
    } catch (const std::bad_alloc&) {
        out_of_memory_ = true;
        return 0;
    }
    return static_cast<std::uint32_t>(list.size() - 1);
}

std::uint32_t Packer::add_tensor(const Tensor& tensor) noexcept {
    return add(contents_.tensors, tensor);
}

std::uint32_t Packer::add_storage(const StoragePtr& storage) noexcept {
    return add(contents_.storages, storage);
}

std::uint32_t Packer::add_handle(const Holder& holder) noexcept {
    return add(contents_.handles, holder);
}

void Packer::clear() {
    tokens = TokenWriter();
    contents_ = ItemContents();
    out_of_memory_ = false;
}

Item Packer::take() {
    if (out_of_memory_ || tokens.is_out_of_memory()) throw std::bad_alloc();
    contents_.tokens = tokens.take();
    auto item = std::make_shared<const ItemContents>(std::move(contents_));
    clear();
    return item;
}

void Unpacker::open(Item item) {
    item_ = std::move(item);
    const auto count = [](const auto& list) { return static_cast<std::uint32_t>(list.size()); };
    tokens_ = TokenReader(item_->tokens, count(item_->tensors), count(item_->storages),
                          count(item_->handles));
}

void register_items(lua_State* lua) {
    register_type<Packer>(lua, packer_name);
    register_type<Unpacker>(lua, unpacker_name);
    register_type<ItemHolder>(lua, holder_name);
}

ItemHolder& push_item_holder(lua_State* lua) {
    return create_userdata<ItemHolder>(lua, holder_name);
}

void pack_item(lua_State* lua, int index, Closures closures, const char* operation, Item& item) {
    index = lua_absindex(lua, index);
    Failure failure;
    if (!pack_scalar(lua, index, failure, item)) {
        luaL_checkstack(lua, 10, operation);
        auto& packer = create_userdata<Packer>(lua, packer_name);
        marshal(lua, index, packer, operation, closures);
        failure = attempt([&] { item = packer.take(); });
        lua_pop(lua, 1);
    }
    if (failure) luaL_error(lua, "%s: %s", operation, failure.message);
}

void push_item(lua_State* lua, const Item& item, const char* operation) {
    luaL_checkstack(lua, 10, operation);
    auto& unpacker = create_userdata<Unpacker>(lua, unpacker_name);
    unpacker.open(item);
    unmarshal(lua, unpacker, operation);
    unpacker = Unpacker();
    lua_remove(lua, -2);
}

}  // namespace ipcrun::lua
