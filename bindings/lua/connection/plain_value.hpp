// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Values that are one token: nil, booleans, numbers and short strings. Most messages are, so they
/// go without the objects that others are put together in and taken apart with. Their bytes are
/// those of a parcel (bindings/lua/ipc/parcel.hpp): who receives need not know which way was taken.

#include <array>
#include <cstdint>
#include <lua.hpp>
#include <span>

namespace ipcrun::lua {

/// The longest parcel that is made so. Received like that are also other values that fit into it.
constexpr std::size_t plain_bytes_max = 4096;

/// Trivially destructible; may be alive when Lua raises.
class PlainParcel {
  public:
    /// Of the value at `index`: false where it is no plain one. Raises nothing.
    bool encode(lua_State* lua, int index);
    std::span<const std::uint8_t> bytes() const { return {bytes_.data(), length_}; }

  private:
    template <typename T>
    void append(T value);

    std::array<std::uint8_t, plain_bytes_max> bytes_;  // up to length_
    std::size_t length_ = 0;
};

/// Pushes the value of a parcel: false, and nothing is pushed, where it is no plain one, or no
/// parcel. Raises when memory runs out.
bool push_plain_value(lua_State* lua, std::span<const std::uint8_t> parcel);

}  // namespace ipcrun::lua
