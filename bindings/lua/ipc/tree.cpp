// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/tree.hpp"

#include <cstring>

#include "base/bytes.hpp"
#include "base/fail.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/membership.hpp"
#include "bindings/lua/torch/modules.hpp"

namespace ipcrun::lua {

namespace {

constexpr const char* registry_key = "ipcrun.tree";

const Job& job_of(lua_State* lua) {
    return *check_job(lua, "ipc.tree");
}

// Where a tensor or storage lies, for another rank. Trivially destructible.
struct Description {
    Job::MemoryName name = {};
    Dtype dtype = Dtype::u8;
    bool is_storage = false;
    std::int32_t dims = 0;
    std::int64_t count = 0;  // elements from the first to the last
    std::int64_t sizes[tensor_dims_max] = {};
    std::int64_t strides[tensor_dims_max] = {};
};
static_assert(std::is_trivially_copyable_v<Description>);

// describe(value): a string that view() understands on another rank; nil where none can see the
// memory of `value`, or it is no tensor or storage.
int describe(lua_State* lua) {
    const Job& job = job_of(lua);
    Description description;
    const std::byte* data = nullptr;
    if (const Tensor* tensor = test_tensor(lua, 1)) {
        data = tensor->data();
        description.dtype = tensor->dtype();
        description.dims = tensor->dims;
        std::int64_t last = 0;
        for (int d = 0; d < tensor->dims; ++d) {
            description.sizes[d] = tensor->sizes[d];
            description.strides[d] = tensor->strides[d];
            last += (tensor->sizes[d] - 1) * tensor->strides[d];
        }
        description.count = tensor->count() == 0 ? 0 : last + 1;
    } else if (const StorageObject* object = test_storage(lua, 1)) {
        data = object->storage->data();
        description.dtype = object->storage->dtype();
        description.is_storage = true;
        description.count = static_cast<std::int64_t>(object->storage->count());
    }
    const std::size_t bytes =
        static_cast<std::size_t>(description.count) * size_of(description.dtype);
    const auto name = bytes > 0 ? job.name_memory(data, bytes) : std::nullopt;
    if (!name) {
        lua_pushnil(lua);
        return 1;
    }
    description.name = *name;
    lua_pushlstring(lua, reinterpret_cast<const char*>(&description), sizeof description);
    return 1;
}

void borrow(Description& description, const Job& job, StoragePtr& storage) {
    const bool is_sound = static_cast<int>(description.dtype) < dtype_count &&
                          description.dims >= 0 && description.dims <= tensor_dims_max &&
                          description.count > 0 && description.count < std::int64_t(1) << 50;
    if (!is_sound) fail(ErrorCode::protocol, "view a tensor of another rank: there is none");
    const std::size_t bytes =
        static_cast<std::size_t>(description.count) * size_of(description.dtype);
    std::byte* data = job.find_memory(description.name, bytes);
    storage = Storage::borrow(data, description.dtype, static_cast<std::size_t>(description.count));
}

// view(description): the tensor or storage itself, in the memory of another rank.
int view(lua_State* lua) {
    const Job& job = job_of(lua);
    std::size_t length = 0;
    const char* text = luaL_checklstring(lua, 1, &length);
    Description description;
    luaL_argcheck(lua, length == sizeof description, 1, "no description");
    std::memcpy(&description, text, length);
    Failure failure;
    if (description.is_storage) {
        StorageObject& result = push_storage(lua);
        failure = attempt([&] { borrow(description, job, result.storage); });
    } else {
        Tensor& result = push_tensor(lua);
        failure = attempt([&] {
            borrow(description, job, result.storage);
            result.dims = description.dims;
            std::memcpy(result.sizes, description.sizes, sizeof result.sizes);
            std::memcpy(result.strides, description.strides, sizeof result.strides);
        });
    }
    if (failure) raise_table(lua, failure);
    return 1;
}

// release(view, keep): the other rank takes its memory back. What is to stay, or is seen by other
// tensors of this state, becomes a copy; else the view is empty from now on.
int release(lua_State* lua) {
    Tensor* tensor = test_tensor(lua, 1);
    StoragePtr& storage = tensor != nullptr ? tensor->storage : check_storage(lua, 1).storage;
    const bool keep = lua_toboolean(lua, 2) != 0;
    const Failure failure = attempt([&] {
        if (keep || storage.use_count() > 1) storage->detach();
        if (keep) return;
        const Dtype dtype = storage->dtype();
        storage = Storage::create(nullptr, dtype, 0);
        if (tensor == nullptr) return;
        tensor->dims = 0;
        tensor->offset = 0;
    });
    if (failure) raise_table(lua, failure);
    return 0;
}

// raise(code, rank, message)
int raise(lua_State* lua) {
    Failure failure;
    const std::string_view name = luaL_checkstring(lua, 1);
    const auto rank = static_cast<int>(luaL_checkinteger(lua, 2));
    ErrorCode code = ErrorCode::usage;
    for (int i = 0; i <= static_cast<int>(ErrorCode::internal); ++i)
        if (name_of(static_cast<ErrorCode>(i)) == name) code = static_cast<ErrorCode>(i);
    failure.set(code, luaL_checkstring(lua, 3), rank);
    raise_table(lua, failure);
}

TreePlace own_place(lua_State* lua) {
    TreePlace place;
    Communicator& communicator = check_communicator(lua);
    const Failure failure = attempt([&] { place = communicator.tree_place(communicator.rank()); });
    if (failure) raise_table(lua, failure);
    return place;
}

// place(communicator): where this rank is in the tree of the members: its parent's rank, nil at the
// root, and its children's, in order.
int place(lua_State* lua) {
    lua_createtable(lua, static_cast<int>(own_place(lua).children.size()), 0);
    const TreePlace place = own_place(lua);  // anew: a finaliser may have closed the communicator
    int count = 0;
    for (const int child : place.children) {
        lua_pushinteger(lua, child);
        lua_rawseti(lua, -2, ++count);
    }
    if (place.parent < 0)
        lua_pushnil(lua);
    else
        lua_pushinteger(lua, place.parent);
    lua_insert(lua, -2);
    return 2;
}

int is_tensor(lua_State* lua) {
    lua_pushboolean(lua, test_tensor(lua, 1) != nullptr);
    return 1;
}

int is_unpatched(lua_State* lua) {
    lua_pushboolean(lua, are_methods_ours(lua));
    return 1;
}

// Loads a chunk and calls it with the values above `base`; its result stays.
void run_chunk(lua_State* lua, const char* source, const char* name, int base) {
    if (luaL_loadbufferx(lua, source, std::strlen(source), name, "t") != LUA_OK) lua_error(lua);
    lua_insert(lua, base + 1);
    lua_call(lua, lua_gettop(lua) - base - 1, 1);
}

// Leaves the function that makes trees.
void load_tree(lua_State* lua) {
    static const luaL_Reg functions[] = {{"describe", describe},
                                         {"view", view},
                                         {"release", release},
                                         {"raise", raise},
                                         {"place", place},
                                         {"is_tensor", is_tensor},
                                         {"is_unpatched", is_unpatched},
                                         {nullptr, nullptr}};
    const int base = lua_gettop(lua);
    luaL_newlib(lua, functions);
    lua_pushcfunction(lua, luaopen_math);  // as it is, whatever scripts put in its place
    lua_call(lua, 0, 1);
    for (const char* name : {"max", "min"}) {
        lua_getfield(lua, -1, name);
        lua_setfield(lua, base + 1, name);
    }
    lua_pop(lua, 1);
    lua_pushvalue(lua, base + 1);
    run_chunk(lua, recognise_source, "=ipc.recognise", base + 1);
    run_chunk(lua, tree_source, tree_chunk, base);
}

// ipc.tree([communicator])
int tree(lua_State* lua) {
    lua_settop(lua, 1);
    if (lua_isnil(lua, 1)) {
        lua_pushvalue(lua, lua_upvalueindex(1));  // ipc.world
        lua_call(lua, 0, 1);
        lua_replace(lua, 1);
    }
    luaL_checkudata(lua, 1, "ipc.Communicator");
    if (lua_getfield(lua, LUA_REGISTRYINDEX, registry_key) == LUA_TNIL) {
        lua_pop(lua, 1);
        load_tree(lua);
        lua_pushvalue(lua, -1);
        lua_setfield(lua, LUA_REGISTRYINDEX, registry_key);
    }
    lua_insert(lua, 1);
    lua_call(lua, 1, 1);
    return 1;
}

}  // namespace

void push_tree_function(lua_State* lua) {
    lua_pushcclosure(lua, tree, 1);
}

}  // namespace ipcrun::lua
