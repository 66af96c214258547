// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/blocks.hpp"

#include "bindings/lua/ipc/exchange.hpp"

namespace ipcrun::lua {

namespace {

void nothing_to_fill() {}

// The tensor at `index` has rows that can be dealt out to the members.
void check_rows(lua_State* lua, int index, const Tensor& tensor, int size) {
    if (tensor.dims == 0 || tensor.sizes[0] % size != 0)
        luaL_argerror(lua, index,
                      lua_pushfstring(lua,
                                      "the first dimension, of size %I, cannot be cut into "
                                      "%d equal blocks",
                                      lua_Integer(tensor.dims == 0 ? 0 : tensor.sizes[0]), size));
}

}  // namespace

Tensor TensorArgument::get() const {
    if (tensor_ != nullptr) return *tensor_;
    Tensor whole;
    whole.storage = storage_->storage;
    whole.dims = 1;
    whole.sizes[0] = static_cast<std::int64_t>(whole.storage->count());
    whole.strides[0] = 1;
    return whole;
}

Part part_of(const Tensor& tensor) {
    Part part{tensor.data(), static_cast<std::size_t>(tensor.count()), tensor.dtype()};
    if (!tensor.is_contiguous()) {
        part.sizes = {tensor.sizes, static_cast<std::size_t>(tensor.dims)};
        part.strides = {tensor.strides, static_cast<std::size_t>(tensor.dims)};
    }
    return part;
}

void check_blocks_argument(lua_State* lua, int index) {
    if (!TensorArgument(lua, index)) raise_expected(lua, index, "a tensor or storage");
}

int allgather_into(lua_State* lua, const Options& options) {
    check_blocks_argument(lua, 2);
    check_blocks_argument(lua, options.into);
    return run_blocks(
        lua, options, 2, options.into, options.into, nothing_to_fill, [&](const Blocks& blocks) {
            return options.is_varying ? Collective::allgatherv(blocks.from_part, blocks.to_part)
                                      : Collective::allgather(blocks.from_part, blocks.to_part);
        });
}

int gather_into(lua_State* lua, const Options& options, int root, bool is_root) {
    check_blocks_argument(lua, 2);
    if (is_root) check_blocks_argument(lua, options.into);
    const int to = is_root ? options.into : 0;
    if (!is_root) lua_pushnil(lua);
    const int result = is_root ? options.into : lua_gettop(lua);
    return run_blocks(lua, options, 2, to, result, nothing_to_fill, [&](const Blocks& blocks) {
        return options.is_varying ? Collective::gatherv(blocks.from_part, blocks.to_part, root)
                                  : Collective::gather(blocks.from_part, blocks.to_part, root);
    });
}

int scatter_into(lua_State* lua, const Options& options, int root, bool is_root) {
    if (is_root) check_blocks_argument(lua, 2);
    check_blocks_argument(lua, options.into);
    return run_blocks(lua, options, is_root ? 2 : 0, options.into, options.into, nothing_to_fill,
                      [&](const Blocks& blocks) {
                          return options.is_varying
                                     ? Collective::scatterv(blocks.from_part, blocks.to_part, root)
                                     : Collective::scatter(blocks.from_part, blocks.to_part, root);
                      });
}

int alltoall_tensor(lua_State* lua, const Options& options, int size) {
    if (const Tensor* tensor = test_tensor(lua, 2)) check_rows(lua, 2, *tensor, size);
    const TensorArgument from(lua, 2);
    int to = options.into;
    if (to != 0) {
        check_blocks_argument(lua, to);
    } else {
        push_tensor(lua);
        to = lua_gettop(lua);
    }
    auto* result = static_cast<Tensor*>(lua_touserdata(lua, to));
    return run_blocks(
        lua, options, 2, to, to,
        [&] {
            if (options.into != 0) return;
            const Tensor given = from.get();
            allocate(lua, *result, given.dtype(), shape_of(given));
        },
        [](const Blocks& blocks) {
            return Collective::alltoall(blocks.from_part, blocks.to_part);
        });
}

int reduce_scatter(lua_State* lua) {
    const int size = check_communicator(lua).size();
    const bool options_third = lua_istable(lua, 3);
    const Op op = options_third ? Op::sum : check_op(lua, 3);
    const Options options =
        check_options(lua, options_third ? 3 : 4,
                      option_timeout | option_async | option_into | option_varying, size);
    const Tensor& tensor = check_tensor(lua, 2);
    int to = options.into;
    if (to != 0) {
        check_blocks_argument(lua, to);
    } else {
        check_rows(lua, 2, tensor, size);
        push_tensor(lua);
        to = lua_gettop(lua);
    }
    auto* result = static_cast<Tensor*>(lua_touserdata(lua, to));
    return run_blocks(
        lua, options, 2, to, to,
        [&] {
            if (options.into != 0) return;
            Shape shape = shape_of(tensor);
            shape.sizes[0] /= size;
            allocate(lua, *result, tensor.dtype(), shape);
        },
        [&](const Blocks& blocks) {
            return options.is_varying
                       ? Collective::reduce_scatterv(blocks.from_part, blocks.to_part, op)
                       : Collective::reduce_scatter(blocks.from_part, blocks.to_part, op);
        });
}

}  // namespace ipcrun::lua
