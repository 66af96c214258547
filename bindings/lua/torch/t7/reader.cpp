// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/torch/t7/reader.hpp"

#include <charconv>
#include <cstring>
#include <system_error>

#include "bindings/lua/torch/scalar.hpp"

namespace ipcrun::lua {

namespace {

/// No number is longer, so that a long run of digits costs no more than this.
constexpr std::size_t word_bytes_max = 64;

bool is_space(char character) {
    return character == ' ' || (character >= '\t' && character <= '\r');
}

}  // namespace

/// A number in text, after white space.
template <typename T>
T T7Reader::parse_word(const char* what) {
    while (at_ < bytes_.size() && is_space(bytes_[at_])) ++at_;
    const std::string_view word = bytes_.substr(at_, word_bytes_max);
    T value{};
    const auto [end, error] = std::from_chars(word.data(), word.data() + word.size(), value);
    if (error != std::errc()) fail_here("expected {}", what);
    at_ += std::size_t(end - word.data());
    return value;
}

/// torch7 ends every group of numbers with a line feed. It matters where bytes follow as they are;
/// a number skips all white space before it.
void T7Reader::skip_line_end() {
    if (at_ < bytes_.size() && bytes_[at_] == '\n') ++at_;
}

template <typename T>
T T7Reader::read_word(const char* what) {
    T value;
    if (format_ == T7Format::ascii) {
        value = parse_word<T>(what);
        skip_line_end();
        return value;
    }
    if (left() < std::int64_t(sizeof value)) fail_here("the file ends where {} is due", what);
    std::memcpy(&value, bytes_.data() + at_, sizeof value);
    at_ += sizeof value;
    return value;
}

std::int32_t T7Reader::read_int() {
    return read_word<std::int32_t>("an integer");
}
std::int64_t T7Reader::read_long() {
    return read_word<std::int64_t>("a long integer");
}
double T7Reader::read_double() {
    return read_word<double>("a number");
}

std::string_view T7Reader::read_chars(std::int64_t count) {
    if (count < 0 || count > left())
        fail_here("a text of {} bytes is announced, and {} bytes are left", count, left());
    const std::string_view text = bytes_.substr(at_, std::size_t(count));
    at_ += text.size();
    return text;
}

void T7Reader::check_count(std::int64_t count, std::int64_t binary_bytes, const char* what) const {
    // The last word in a text needs no space behind it.
    const std::int64_t fit = format_ == T7Format::binary ? left() / binary_bytes : (left() + 1) / 2;
    if (count < 0 || count > fit)
        fail_here("{} {} are announced, and {} bytes are left", count, what, left());
}

void T7Reader::check_elements(std::int64_t count, Dtype dtype) const {
    const std::int64_t item = std::int64_t(size_of(dtype));
    if (item > 1) return check_count(count, item, "elements");
    if (count < 0 || count > left())
        fail_here("{} elements are announced, and {} bytes are left", count, left());
}

void T7Reader::read_elements(Dtype dtype, std::int64_t count, std::byte* to) {
    check_elements(count, dtype);
    const std::size_t item = size_of(dtype);
    if (format_ == T7Format::binary || item == 1) {
        const std::string_view bytes = read_chars(count * std::int64_t(item));
        if (count > 0) std::memcpy(to, bytes.data(), bytes.size());
        return;
    }
    for (std::int64_t i = 0; i < count; ++i, to += item) {
        // Numbers of 16 and 32 bits are written so that they survive being read as float.
        if (dtype == Dtype::f64)
            store_element(dtype, to, Scalar::of(parse_word<double>("a number")));
        else if (is_floating(dtype))
            store_element(dtype, to, Scalar::of(double(parse_word<float>("a number"))));
        else if (dtype == Dtype::i16)
            store_element(dtype, to,
                          Scalar::of(std::int64_t(parse_word<std::int16_t>("a short integer"))));
        else if (dtype == Dtype::i32)
            store_element(dtype, to,
                          Scalar::of(std::int64_t(parse_word<std::int32_t>("an integer"))));
        else
            store_element(dtype, to, Scalar::of(parse_word<std::int64_t>("a long integer")));
    }
}

}  // namespace ipcrun::lua
