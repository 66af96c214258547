// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a value of Lua is put into, and taken out of: tokens, and beside them what they name by
/// numbers. Two of a kind: parcels (parcel.hpp), which are bytes for another process, and items
/// (item.hpp), which stay in this one.

#include <cstdint>

#include "bindings/lua/ipc/handle.hpp"
#include "bindings/lua/ipc/tokens.hpp"
#include "bindings/lua/tensor.hpp"

namespace ipcrun::lua {

/// What marshal() fills.
class Carrier {
  public:
    TokenWriter tokens;

    /// Each gives the index for the token. They do not throw: that memory ran out is told later.
    virtual std::uint32_t add_tensor(const Tensor& tensor) noexcept = 0;
    virtual std::uint32_t add_storage(const StoragePtr& storage) noexcept = 0;
    /// Does the receiver live in this process? Then objects of ipc go by reference.
    virtual bool takes_handles() const = 0;
    virtual std::uint32_t add_handle(const Holder& holder) noexcept = 0;
    /// Makes it empty again.
    virtual void clear() = 0;

  protected:
    ~Carrier() = default;
};

/// What unmarshal() empties. Indices are those of its tokens.
class Cargo {
  public:
    TokenReader& tokens() { return tokens_; }
    virtual const Tensor& tensor(std::uint32_t index) const = 0;
    virtual const StoragePtr& block(std::uint32_t index) const = 0;
    virtual const Holder& handle(std::uint32_t index) const = 0;

  protected:
    ~Cargo() = default;
    TokenReader tokens_;
};

}  // namespace ipcrun::lua
