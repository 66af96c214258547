// SPDX-License-Identifier: Apache-2.0
// Tensors as C++ sees them: where their memory comes from, and the functions of tensor.hpp.
#include "bindings/lua/tensor.hpp"

#include <doctest/doctest.h>

#include <memory>

#include "bindings/lua/context.hpp"
#include "runtime/heap.hpp"

namespace {

using namespace ipcrun;
using namespace ipcrun::lua;

struct CloseState {
    void operator()(lua_State* lua) const { lua_close(lua); }
};
using State = std::unique_ptr<lua_State, CloseState>;

State open_state() {
    State lua(luaL_newstate());
    luaL_openlibs(lua.get());
    luaL_requiref(lua.get(), "torch", open_torch, 1);
    lua_settop(lua.get(), 0);
    return lua;
}

void run_script(const State& lua, const char* script) {
    const int status = luaL_dostring(lua.get(), script);
    const char* message = status == LUA_OK ? "" : lua_tostring(lua.get(), -1);
    INFO(message);
    REQUIRE(status == LUA_OK);
}

}  // namespace

TEST_CASE("tensor: lives in the heap of its context, in private memory when that is full") {
    // Two blocks of 512 KiB fit, with the room that is left beside them.
    const auto heap = std::make_shared<Heap>(NodeMemory::create(1, 1, 20 * Heap::unit_bytes), 0);
    State lua = open_state();
    context(lua.get()).heap = heap;
    run_script(lua, "a, b, c = torch.ones(65536), torch.ones(65536), torch.ones(65536)");
    lua_getglobal(lua.get(), "a");
    lua_getglobal(lua.get(), "c");
    CHECK(check_tensor(lua.get(), 1).storage->kind() == Storage::Kind::heap);
    CHECK(check_tensor(lua.get(), 2).storage->kind() == Storage::Kind::private_memory);
    run_script(lua, "assert((a + c):sum() == 131072)");
    lua.reset();
    // All has been given back: the two fit again.
    CHECK(heap->allocate(65536 * sizeof(double)) != nullptr);
    CHECK(heap->allocate(65536 * sizeof(double)) != nullptr);
}

TEST_CASE("tensor: a share in the storage outlives the Lua state") {
    StoragePtr kept;
    {
        State lua = open_state();
        run_script(lua, "a = torch.FloatTensor{1, 2, 3}; view = a:narrow(1, 2, 2)");
        lua_getglobal(lua.get(), "view");
        kept = check_tensor(lua.get(), -1).storage;
        CHECK(kept.use_count() == 3);
    }
    CHECK(kept.use_count() == 1);
    CHECK(reinterpret_cast<const float*>(kept->data())[2] == 3.0f);
}

TEST_CASE("tensor: contiguous() copies only what has gaps, copy_elements() goes back") {
    State lua = open_state();
    run_script(lua, "a = torch.IntTensor{{1, 2}, {3, 4}}; b = a:t()");
    lua_getglobal(lua.get(), "a");
    lua_getglobal(lua.get(), "b");
    Tensor& straight = check_tensor(lua.get(), 1);
    Tensor& transposed = check_tensor(lua.get(), 2);
    CHECK(contiguous(lua.get(), straight).storage.get() == straight.storage.get());
    const Tensor copy = contiguous(lua.get(), transposed);
    CHECK(copy.storage.get() != straight.storage.get());
    CHECK(copy.is_contiguous());
    reinterpret_cast<std::int32_t*>(copy.data())[1] = 30;
    copy_elements(copy, transposed);
    run_script(lua, "assert(a[2][1] == 30 and a[1][2] == 2)");
}

TEST_CASE("tensor: one that C++ pushes is a tensor once it is filled in") {
    State lua = open_state();
    Tensor& result = push_tensor(lua.get());
    CHECK(test_tensor(lua.get(), -1) == nullptr);
    result.storage = create_storage(lua.get(), Dtype::f32, 6);
    result.dims = 2;
    result.sizes[0] = 2;
    result.sizes[1] = 3;
    result.strides[0] = 3;
    result.strides[1] = 1;
    CHECK(result.count() == 6);
    lua_setglobal(lua.get(), "a");
    run_script(lua, "assert(torch.type(a) == 'torch.FloatTensor' and a:fill(2):sum() == 12)");
}
