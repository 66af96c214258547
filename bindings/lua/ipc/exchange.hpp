// SPDX-License-Identifier: Apache-2.0
#pragma once
/// allgather, gather, scatter and alltoall of values: every member's is a parcel, of a length that
/// the others learn first. What has a known shape goes the ways of blocks.cpp.

#include <lua.hpp>
#include <memory>
#include <span>
#include <vector>

#include "bindings/lua/ipc/marshal.hpp"
#include "bindings/lua/ipc/options.hpp"
#include "runtime/communicator.hpp"

namespace ipcrun::lua {

/// Parcels side by side, each at a multiple of parcel_alignment.
class Parcels {
  public:
    /// Copies `count` packed values; their lengths are in lengths() then. Throws.
    void assemble(const std::vector<const Outgoing*>& values, const std::shared_ptr<Heap>& heap);
    /// Makes room for what is to be received; lengths() says how much. Throws, also for lengths
    /// that cannot be.
    void make_room(const std::shared_ptr<Heap>& heap);

    std::vector<std::int64_t>& lengths() { return lengths_; }
    Part lengths_part() { return {lengths_.data(), lengths_.size(), Dtype::i64}; }
    /// Bytes of each, with those up to the next.
    std::span<const std::size_t> rooms() const { return rooms_; }
    Part part() const { return {storage_->data(), storage_->bytes(), Dtype::u8}; }
    void open(std::size_t index, Incoming& incoming, const std::shared_ptr<Heap>& heap) const;

  private:
    void lay_out();

    std::vector<std::int64_t> lengths_;
    std::vector<std::size_t> rooms_;
    std::vector<std::size_t> starts_;
    StoragePtr storage_;
};

/// In blocks.cpp: `options.into` is given, or the value is a tensor.
int allgather_into(lua_State* lua, const Options& options);
int gather_into(lua_State* lua, const Options& options, int root, bool is_root);
int scatter_into(lua_State* lua, const Options& options, int root, bool is_root);
int alltoall_tensor(lua_State* lua, const Options& options, int size);
int reduce_scatter(lua_State* lua);

}  // namespace ipcrun::lua
