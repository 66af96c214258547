// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/item.hpp"

#include <cstring>
#include <new>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/context.hpp"

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

// A packer and an unpacker are used again and again: they are large, and Lua would have to collect
// one for each item. Their addresses are the keys of this state's ones, which are not there while
// they are in use: code of Lua may make and read other items meanwhile, or raise an error.
const char packer_key = 0;
const char unpacker_key = 0;

template <typename T>
T& push_reused(lua_State* lua, const char* name, const char* key) {
    if (lua_rawgetp(lua, LUA_REGISTRYINDEX, key) == LUA_TUSERDATA) {
        lua_pushnil(lua);
        lua_rawsetp(lua, LUA_REGISTRYINDEX, key);
        return *static_cast<T*>(lua_touserdata(lua, -1));
    }
    lua_pop(lua, 1);
    return create_userdata<T>(lua, name);
}

// Pops it, for the next time.
void pop_reused(lua_State* lua, const char* key) {
    lua_rawsetp(lua, LUA_REGISTRYINDEX, key);
}

Unpacker& push_unpacker(lua_State* lua) {
    return push_reused<Unpacker>(lua, unpacker_name, &unpacker_key);
}

// Lua's collector is told of memory that its values hold, as if they had been made here: else it
// would let megabytes of tensors wait that came through a queue.
void report_storage(Context& shared, const StoragePtr& storage) {
    if (storage->note(shared.number)) shared.unreported_bytes += storage->bytes();
}

// On the stack there is its unpacker, and nothing else of it.
void unpack(lua_State* lua, Unpacker& unpacker, const char* operation) {
    Context& shared = context(lua);
    for (const Tensor& tensor : unpacker.contents().tensors) report_storage(shared, tensor.storage);
    for (const StoragePtr& storage : unpacker.contents().storages) report_storage(shared, storage);
    unmarshal(lua, unpacker, operation);
    unpacker.close();
    lua_insert(lua, -2);  // below it
    pop_reused(lua, &unpacker_key);
}

bool is_text(const Item& item) {
    return item.contents() != nullptr && item.contents()->is_text;
}

// The same for a string, which its unpacker only holds while Lua takes memory for it.
void push_text(lua_State* lua, Unpacker& unpacker) {
    const std::string& text = unpacker.contents().text;
    lua_pushlstring(lua, text.data(), text.size());
    unpacker.close();
    lua_insert(lua, -2);
    pop_reused(lua, &unpacker_key);
}

Item make_text(const char* text, std::size_t length) {
    auto contents = std::make_shared<ItemContents>();
    contents->text.assign(text, length);
    contents->is_text = true;
    return Item(std::move(contents));
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
    Item item(std::make_shared<const ItemContents>(std::move(contents_)));
    clear();
    return item;
}

void Unpacker::open(Item item) {
    item_ = std::move(item);
    const auto count = [](const auto& list) { return static_cast<std::uint32_t>(list.size()); };
    tokens_ = TokenReader(contents().tokens, count(contents().tensors), count(contents().storages),
                          count(contents().handles));
}

void register_items(lua_State* lua) {
    register_type<Packer>(lua, packer_name);
    register_type<Unpacker>(lua, unpacker_name);
    register_type<ItemHolder>(lua, holder_name);
}

ItemHolder& push_item_holder(lua_State* lua) {
    return create_userdata<ItemHolder>(lua, holder_name);
}

bool to_small(lua_State* lua, int index, SmallValue& small) {
    switch (lua_type(lua, index)) {
        case LUA_TNIL:
            small.tag = Tag::nil;
            return true;
        case LUA_TBOOLEAN:
            small.tag = lua_toboolean(lua, index) != 0 ? Tag::yes : Tag::no;
            return true;
        case LUA_TNUMBER:
            if (lua_isinteger(lua, index) != 0) {
                small.tag = Tag::integer;
                small.integer = lua_tointeger(lua, index);
            } else {
                small.tag = Tag::number;
                small.number = lua_tonumber(lua, index);
            }
            return true;
        case LUA_TSTRING: {
            std::size_t length = 0;
            const char* text = lua_tolstring(lua, index, &length);
            if (length > SmallValue::text_max) return false;
            small.tag = Tag::string;
            small.length = static_cast<std::uint8_t>(length);
            std::memcpy(small.text, text, length);
            return true;
        }
        default:
            return false;
    }
}

void push_small(lua_State* lua, const SmallValue& small) {
    switch (small.tag) {
        case Tag::no:
        case Tag::yes:
            return lua_pushboolean(lua, small.tag == Tag::yes);
        case Tag::integer:
            return lua_pushinteger(lua, small.integer);
        case Tag::number:
            return lua_pushnumber(lua, small.number);
        case Tag::string:
            lua_pushlstring(lua, small.text, small.length);
            return;
        default:
            return lua_pushnil(lua);
    }
}

void pack_item(lua_State* lua, int index, Closures closures, const char* operation, Item& item) {
    SmallValue small;
    if (to_small(lua, index, small)) {
        item = Item(small);
        return;
    }
    if (lua_type(lua, index) == LUA_TSTRING) {
        std::size_t length = 0;
        const char* text = lua_tolstring(lua, index, &length);
        const Failure failure = attempt([&] { item = make_text(text, length); });
        if (failure) luaL_error(lua, "%s: %s", operation, failure.message);
        return;
    }
    index = lua_absindex(lua, index);
    luaL_checkstack(lua, 10, operation);
    auto& packer = push_reused<Packer>(lua, packer_name, &packer_key);
    marshal(lua, index, packer, operation, closures);
    lua_pushvalue(lua, -1);
    pop_reused(lua, &packer_key);
    const Failure failure = attempt([&] { item = packer.take(); });
    if (failure) packer.clear();
    lua_pop(lua, 1);
    if (failure) luaL_error(lua, "%s: %s", operation, failure.message);
}

void push_item(lua_State* lua, const Item& item, const char* operation) {
    luaL_checkstack(lua, 10, operation);
    if (const SmallValue* small = item.small()) {
        const SmallValue copy = *small;
        return push_small(lua, copy);
    }
    auto& unpacker = push_unpacker(lua);
    if (is_text(item)) {
        unpacker.hold(item);
        return push_text(lua, unpacker);
    }
    unpacker.open(item);
    unpack(lua, unpacker, operation);
}

void push_taken(lua_State* lua, Item& item, const char* operation) {
    luaL_checkstack(lua, 10, operation);
    if (const SmallValue* small = item.small()) {
        const SmallValue copy = *small;
        item = Item();
        return push_small(lua, copy);
    }
    auto& unpacker = push_unpacker(lua);
    if (is_text(item)) {
        unpacker.hold(std::move(item));
        return push_text(lua, unpacker);
    }
    unpacker.open(std::move(item));
    unpack(lua, unpacker, operation);
}

}  // namespace ipcrun::lua
