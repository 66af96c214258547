// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Values to bytes and back, bounded: little-endian integers, doubles, and length-prefixed strings.
/// A decoder never reads past its bytes and never allocates more than they could hold.

#include <concepts>
#include <cstdint>
#include <cstring>
#include <span>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>

#include "base/fail.hpp"

namespace ipcrun {

using Bytes = std::vector<std::uint8_t>;

template <typename T>
concept WireNumber = std::is_arithmetic_v<T> || std::is_enum_v<T>;

/// Appends values to a byte string. Never fails, but for memory.
class Encoder {
  public:
    template <WireNumber T>
    void number(T value) {
        append(&value, sizeof value);  // little-endian: Linux on x86-64, arm64, ppc64le, riscv64
    }
    void string(std::string_view text) {
        number(static_cast<std::uint32_t>(text.size()));
        append(text.data(), text.size());
    }
    /// The bytes alone: whoever reads them knows how many there are.
    void bytes(std::string_view raw) { append(raw.data(), raw.size()); }
    template <typename T, typename Write>
    void list(const std::vector<T>& items, Write write) {
        number(static_cast<std::uint32_t>(items.size()));
        for (const T& item : items) write(*this, item);
    }
    Bytes take() { return std::move(bytes_); }

  private:
    void append(const void* data, std::size_t size) {
        const auto* from = static_cast<const std::uint8_t*>(data);
        bytes_.insert(bytes_.end(), from, from + size);
    }
    Bytes bytes_;
};

/// Reads what Encoder wrote. Throws Error{protocol} when bytes are missing or left over.
class Decoder {
  public:
    explicit Decoder(std::span<const std::uint8_t> bytes) : bytes_(bytes) {}

    /// Not for bool: a byte from outside may be none; see boolean().
    template <WireNumber T>
    T number() {
        static_assert(!std::is_same_v<T, bool>);
        T value;
        std::memcpy(&value, take(sizeof value).data(), sizeof value);
        return value;
    }
    bool boolean() {
        const auto value = number<std::uint8_t>();
        if (value > 1) fail(ErrorCode::protocol, "decode: {} is no truth value", value);
        return value == 1;
    }
    std::string string() {
        const auto text = take(number<std::uint32_t>());
        return {reinterpret_cast<const char*>(text.data()), text.size()};
    }
    template <typename T, typename Read>
    std::vector<T> list(Read read) {
        const auto count = number<std::uint32_t>();
        // Every item takes a byte at least, so a count beyond the bytes left is a lie.
        if (count > bytes_.size())
            fail(ErrorCode::protocol, "decode: {} items in {} bytes", count, bytes_.size());
        std::vector<T> items;
        for (std::uint32_t i = 0; i < count; ++i) items.push_back(read(*this));
        return items;
    }
    /// What has not been read.
    std::span<const std::uint8_t> rest() const { return bytes_; }
    void end() const {
        if (!bytes_.empty()) fail(ErrorCode::protocol, "decode: {} bytes left", bytes_.size());
    }

  private:
    std::span<const std::uint8_t> take(std::size_t size) {
        if (size > bytes_.size())
            fail(ErrorCode::protocol, "decode: {} bytes wanted, {} left", size, bytes_.size());
        const auto head = bytes_.first(size);
        bytes_ = bytes_.subspan(size);
        return head;
    }
    std::span<const std::uint8_t> bytes_;
};

}  // namespace ipcrun
