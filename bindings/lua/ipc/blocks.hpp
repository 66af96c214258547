// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Operations that move blocks of one tensor: from a tensor, into another. The fast ways of
/// allgather, gather, scatter, alltoall and reduce_scatter.

#include <lua.hpp>

#include "bindings/lua/ipc/errors.hpp"
#include "bindings/lua/ipc/membership.hpp"
#include "bindings/lua/ipc/options.hpp"
#include "bindings/lua/ipc/work.hpp"
#include "bindings/lua/tensor.hpp"
#include "bindings/lua/torch/arguments.hpp"

namespace ipcrun::lua {

/// A tensor or a storage that stands on the stack; nothing.
class TensorArgument {
  public:
    TensorArgument() = default;
    /// Nothing when there is something else.
    TensorArgument(lua_State* lua, int index)
        : tensor_(test_tensor(lua, index)),
          storage_(tensor_ == nullptr ? test_storage(lua, index) : nullptr) {}

    explicit operator bool() const { return tensor_ != nullptr || storage_ != nullptr; }
    /// The tensor; a storage as one of one dimension. Throws.
    Tensor get() const;

  private:
    const Tensor* tensor_ = nullptr;
    const StorageObject* storage_ = nullptr;
};

/// All the elements of `tensor`, which owns the part's sizes.
Part part_of(const Tensor& tensor);

/// What an operation works on, held.
struct Blocks {
    Tensor from;
    Tensor to;
    Part from_part = {};
    Part to_part = {};
};

/// Runs, or starts, what `make(blocks)` gives on the tensors at `from` and `to` (0: none); pushes
/// the value at `result`, or a handle that gives it. `to` may be the tensor on top of the stack
/// that `fill` (may throw) is yet to fill in.
template <typename Fill, typename Make>
int run_blocks(lua_State* lua, const Options& options, int from, int to, int result, Fill fill,
               Make make) {
    const LuaSite site = calling_line(lua);
    Work* work = nullptr;
    if (options.is_async) {
        lua_createtable(lua, 1, 0);
        lua_pushvalue(lua, result);
        lua_rawseti(lua, -2, 1);
        work = &push_work(lua, finish_with_first);
    } else {
        lua_pushvalue(lua, result);
    }
    const TensorArgument from_argument = from != 0 ? TensorArgument(lua, from) : TensorArgument();
    // One that is to be filled in is no tensor yet.
    const auto* to_tensor = to != 0 ? static_cast<Tensor*>(lua_touserdata(lua, to)) : nullptr;
    const TensorArgument to_argument = to != 0 ? TensorArgument(lua, to) : TensorArgument();
    CommunicatorObject& object = check_object(lua, 1);
    Communicator& communicator = *object.membership->get();
    const auto start = [&](Blocks& blocks) {
        blocks.from_part = blocks.from.storage ? part_of(blocks.from) : Part{};
        blocks.to_part = blocks.to.storage ? part_of(blocks.to) : Part{};
        return make(blocks);
    };
    const Failure failure = attempt([&] {
        fill();
        Blocks blocks;
        if (from_argument) blocks.from = from_argument.get();
        if (to != 0) blocks.to = to_argument ? to_argument.get() : *to_tensor;
        if (work == nullptr) return communicator.run(start(blocks), options.deadline, site.get());
        start_work(*work, object.membership, std::move(blocks), [&](Blocks& held) {
            return communicator.start(start(held), options.deadline, site.get());
        });
    });
    if (failure) raise_table(lua, failure);
    return 1;
}

/// Raises unless there is a tensor or storage at `index`.
void check_blocks_argument(lua_State* lua, int index);

}  // namespace ipcrun::lua
