// SPDX-License-Identifier: Apache-2.0
// ipc.marshal: a value that was packed once, to be read any number of times, by any thread.
#include "bindings/lua/bind.hpp"
#include "bindings/lua/ipc/item.hpp"
#include "bindings/lua/threads/objects.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* marshal_name = "ipc.marshal";

class MarshalObject final : public SharedObject {
  public:
    explicit MarshalObject(Item item) : item_(std::move(item)) {}
    const char* type_name() const override { return marshal_name; }
    const Item& item() const { return item_; }

  private:
    const Item item_;
};

// ipc.marshal(object [, upvalues [, size [, increment]]]): torch-ipc's sizes of a buffer mean
// nothing here.
int create(lua_State* lua) {
    if (lua_isnoneornil(lua, 1))
        luaL_error(lua, "ipc.marshal: must provide object to serialize at arg 1");
    (void)luaL_optnumber(lua, 3, 0);
    (void)luaL_optnumber(lua, 4, 0);
    const Closures closures = lua_toboolean(lua, 2) != 0 ? Closures::welcome : Closures::refused;
    ItemHolder& holder = push_item_holder(lua);
    pack_item(lua, 1, closures, "ipc.marshal", holder.item);
    HandleObject& handle = push_new_handle(lua, marshal_name);
    const Failure failure = attempt(
        [&] { handle.holder = Holder(std::make_shared<MarshalObject>(std::move(holder.item))); });
    if (failure) raise_string(lua, failure);
    intern_handle(lua);
    return 1;
}

// marshal:read(): a new copy. What is in it goes by reference where ipc.marshal was given it.
int read(lua_State* lua) {
    // Holds the item: a finaliser that runs meanwhile may close the object.
    ItemHolder& holder = push_item_holder(lua);
    holder.item = check_handle<MarshalObject>(lua, 1, marshal_name).item();
    push_item(lua, holder.item, "marshal:read");
    return 1;
}

// marshal:close()
int close(lua_State* lua) {
    (void)check_handle<MarshalObject>(lua, 1, marshal_name);
    release_handle(lua, *test_handle(lua, 1));
    return 0;
}

int close_scope(lua_State* lua) {
    HandleObject* handle = test_handle(lua, 1);
    if (handle != nullptr && handle->holder) release_handle(lua, *handle);
    return 0;
}

constexpr luaL_Reg methods[] = {{"close", close}, {"read", read}, {nullptr, nullptr}};
constexpr luaL_Reg metamethods[] = {{"__close", close_scope}, {nullptr, nullptr}};

}  // namespace

void register_marshal_object(lua_State* lua, int ipc) {
    ipc = lua_absindex(lua, ipc);
    register_handle_type(lua, marshal_name, methods, metamethods);
    lua_pushcfunction(lua, create);
    lua_setfield(lua, ipc, "marshal");
}

}  // namespace ipcrun::lua
