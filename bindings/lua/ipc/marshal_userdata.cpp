// SPDX-License-Identifier: Apache-2.0
// Tensors, storages, and objects of ipc.
#include <algorithm>
#include <cstring>

#include "bindings/lua/bind.hpp"
#include "bindings/lua/ipc/walk.hpp"
#include "bindings/lua/torch/arguments.hpp"

namespace ipcrun::lua {

namespace {

constexpr std::size_t foreign_text_max = 256;

const char* article_of(const char* type_name) {
    return std::strchr("aeiou", type_name[0]) != nullptr ? "an" : "a";
}

}  // namespace

void Walk::add_handle(int index, const HandleObject& handle) {
    luaL_getmetafield(lua, index, "__name");
    const char* type_name = lua_tostring(lua, -1);
    if (!handle.holder) refuse(lua_pushfstring(lua, "a closed %s", type_name));
    make_seen();
    if (!add_again(index)) {
        // Anew: a finaliser may have closed it.
        if (!handle.holder) refuse(lua_pushfstring(lua, "a closed %s", type_name));
        if (out.takes_handles())
            out.tokens.add_index(Tag::handle, out.add_handle(handle.holder));
        else
            add_foreign(type_name, handle);
    }
    lua_pop(lua, 1);
}

void Walk::add_foreign(const char* type_name, const HandleObject& handle) {
    char text[foreign_text_max];
    std::size_t length = 0;
    const Failure failure = attempt([&] {
        const std::string described = handle.holder.get()->describe();
        length = described.size();
        std::memcpy(text, described.data(), std::min(length, sizeof text));
    });
    if (failure) luaL_error(lua, "%s: %s", operation, failure.message);
    if (length == 0 || length > sizeof text)
        refuse(lua_pushfstring(lua, "%s %s, which threads of one process share",
                               article_of(type_name), type_name));
    out.tokens.add_foreign(type_name, {text, length});
}

void Walk::add_userdata(int index) {
    const Tensor* tensor = test_tensor(lua, index);
    const StorageObject* storage = tensor == nullptr ? test_storage(lua, index) : nullptr;
    if (tensor == nullptr && storage == nullptr) {
        if (const HandleObject* handle = test_handle(lua, index)) return add_handle(index, *handle);
        if (luaL_getmetafield(lua, index, "__name") != LUA_TSTRING)
            refuse("a userdata of another library");
        refuse(lua_pushfstring(lua, "%s %s", article_of(lua_tostring(lua, -1)),
                               lua_tostring(lua, -1)));
    }
    // At the top there is nothing to share it with.
    if (seen != 0) {
        if (add_again(index)) return;
        // Anew: a finaliser may have run.
        tensor = test_tensor(lua, index);
        storage = tensor == nullptr ? &check_storage(lua, index) : nullptr;
    }
    if (tensor != nullptr)
        out.tokens.add_index(Tag::tensor, out.add_tensor(*tensor));
    else
        out.tokens.add_index(Tag::storage, out.add_storage(storage->storage));
}

}  // namespace ipcrun::lua
