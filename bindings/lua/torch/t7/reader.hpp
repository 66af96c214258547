// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The words of a .t7 file, in either format: integers, reals, characters, elements.

#include <cstdint>
#include <string_view>

#include "base/fail.hpp"
#include "bindings/lua/torch/t7/document.hpp"

namespace ipcrun::lua {

/// Borrows the bytes. Everything throws protocol when the bytes end too early, or are something
/// else.
class T7Reader {
  public:
    T7Reader(std::string_view bytes, T7Format format) : bytes_(bytes), format_(format) {}

    std::int32_t read_int();
    std::int64_t read_long();
    double read_double();
    /// Exactly `count` bytes, as they are.
    std::string_view read_chars(std::int64_t count);
    void read_elements(Dtype dtype, std::int64_t count, std::byte* to);

    /// Throws unless `count` things, which take at least `binary_bytes` each in binary and one
    /// digit and a space in text, can still follow.
    void check_count(std::int64_t count, std::int64_t binary_bytes, const char* what) const;
    /// The same for elements; those of one byte are bytes in both formats.
    void check_elements(std::int64_t count, Dtype dtype) const;

    std::size_t position() const { return at_; }
    std::int64_t left() const { return std::int64_t(bytes_.size() - at_); }

    template <typename... Args>
    [[noreturn]] void fail_here(fmt::format_string<Args...> format, Args&&... args) const {
        fail(ErrorCode::protocol, "at byte {}: {}", at_,
             fmt::format(format, std::forward<Args>(args)...));
    }

  private:
    template <typename T>
    T read_word(const char* what);
    template <typename T>
    T parse_word(const char* what);
    void skip_line_end();

    std::string_view bytes_;
    T7Format format_;
    std::size_t at_ = 0;
};

}  // namespace ipcrun::lua
