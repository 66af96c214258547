// SPDX-License-Identifier: Apache-2.0
// Views of the memory of another node.

#include <cstring>

#include "base/bytes.hpp"
#include "base/fail.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/membership.hpp"
#include "bindings/lua/torch/arguments.hpp"
#include "bindings/lua/trees/functions.hpp"
#include "runtime/connection/shared_group.hpp"

namespace ipcrun::lua {

namespace {

// Whose memory the members of a communicator share.
struct Ground {
    const SharedGroup* group = nullptr;  // null: that of the job
    const Job* job = nullptr;

    std::optional<Job::MemoryName> name(const void* data, std::size_t bytes) const {
        return group != nullptr ? group->name_memory(data, bytes) : job->name_memory(data, bytes);
    }
    std::byte* find(const Job::MemoryName& name, std::size_t bytes) const {
        return group != nullptr ? group->find_memory(name, bytes) : job->find_memory(name, bytes);
    }
};

Ground check_ground(lua_State* lua) {
    if (const SharedGroup* group = check_object(lua, 1).membership->group.get()) return {group};
    return {nullptr, check_job(lua, "ipc.tree").get()};
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

// describe(communicator, value): a string that view() understands on another rank; nil where none
// can see the memory of `value`, or it is no tensor or storage.
int describe(lua_State* lua) {
    const Ground ground = check_ground(lua);
    const bool can_be_seen = check_communicator(lua).shares_memory();
    Description description;
    const std::byte* data = nullptr;
    if (const Tensor* tensor = test_tensor(lua, 2)) {
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
    } else if (const StorageObject* object = test_storage(lua, 2)) {
        data = object->storage->data();
        description.dtype = object->storage->dtype();
        description.is_storage = true;
        description.count = static_cast<std::int64_t>(object->storage->count());
    }
    const std::size_t bytes =
        static_cast<std::size_t>(description.count) * size_of(description.dtype);
    const auto name = bytes > 0 && can_be_seen ? ground.name(data, bytes) : std::nullopt;
    if (!name) {
        lua_pushnil(lua);
        return 1;
    }
    description.name = *name;
    lua_pushlstring(lua, reinterpret_cast<const char*>(&description), sizeof description);
    return 1;
}

void borrow(Description& description, const Ground& ground, StoragePtr& storage) {
    const bool is_sound = static_cast<int>(description.dtype) < dtype_count &&
                          description.dims >= 0 && description.dims <= tensor_dims_max &&
                          description.count > 0 && description.count < std::int64_t(1) << 50;
    if (!is_sound) fail(ErrorCode::protocol, "view a tensor of another node: there is none");
    const std::size_t bytes =
        static_cast<std::size_t>(description.count) * size_of(description.dtype);
    std::byte* data = ground.find(description.name, bytes);
    storage = Storage::borrow(data, description.dtype, static_cast<std::size_t>(description.count));
}

// view(communicator, description): the tensor or storage itself, in the memory of another rank.
int view(lua_State* lua) {
    std::size_t length = 0;
    const char* text = luaL_checklstring(lua, 2, &length);
    Description description;
    luaL_argcheck(lua, length == sizeof description, 2, "no description");
    std::memcpy(&description, text, length);
    Failure failure;
    if (description.is_storage) {
        StorageObject& result = push_storage(lua);
        const Ground ground = check_ground(lua);
        failure = attempt([&] { borrow(description, ground, result.storage); });
    } else {
        Tensor& result = push_tensor(lua);
        const Ground ground = check_ground(lua);
        failure = attempt([&] {
            borrow(description, ground, result.storage);
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

}  // namespace

const luaL_Reg view_functions[] = {
    {"describe", describe}, {"view", view}, {"release", release}, {nullptr, nullptr}};

}  // namespace ipcrun::lua
