// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Structures to bytes and back by one list of their fields, which serves for both directions:
///
///     template <typename Fields, one_of<Point> T>
///     void visit_fields(Fields& fields, T& point) { fields(point.x, point.y); }
///
/// visit_fields() is found by the namespace of the structure or of ipcrun, for a constant structure
/// too. Fields are numbers, truth values, texts, enumerations, lists and arrays of those, and other
/// structures. An enumeration says by `constexpr Colour last_enumerator(Colour)` which of its
/// values is the largest.

#include <array>
#include <string>
#include <type_traits>
#include <vector>

#include "base/bytes.hpp"

namespace ipcrun {

/// `Message` is one of `Candidates`, constant or not: tells apart which visit_fields() is meant.
template <typename Message, typename... Candidates>
concept one_of = (std::is_same_v<std::remove_const_t<Message>, Candidates> || ...);

/// Appends fields to a byte string. Never fails, but for memory.
class FieldWriter {
  public:
    template <typename... T>
    void operator()(const T&... values) {
        (write(values), ...);
    }
    Bytes take() { return out_.take(); }

  private:
    template <typename T>
    void write(const T& value) {
        if constexpr (WireNumber<T>)
            out_.number(value);
        else
            visit_fields(*this, value);
    }
    void write(const std::string& text) { out_.string(text); }
    template <typename T>
    void write(const std::vector<T>& items) {
        out_.list(items, [this](Encoder&, const T& item) { write(item); });
    }
    template <typename T, std::size_t size>
    void write(const std::array<T, size>& items) {
        for (const T& item : items) write(item);
    }
    Encoder out_;
};

/// Reads what FieldWriter wrote, within the bounds of `in`, which it borrows. Throws
/// Error{protocol}.
class FieldReader {
  public:
    explicit FieldReader(Decoder& in) : in_(in) {}
    template <typename... T>
    void operator()(T&... values) {
        (read(values), ...);
    }

  private:
    template <typename T>
    void read(T& value) {
        if constexpr (std::is_enum_v<T>)
            value = enumerator(last_enumerator(T{}));
        else if constexpr (WireNumber<T>)
            value = in_.number<T>();
        else
            visit_fields(*this, value);
    }
    void read(bool& value) { value = in_.boolean(); }
    void read(std::string& text) { text = in_.string(); }
    template <typename T>
    void read(std::vector<T>& items) {
        items = in_.list<T>([this](Decoder&) {
            T item{};
            read(item);
            return item;
        });
    }
    template <typename T, std::size_t size>
    void read(std::array<T, size>& items) {
        for (T& item : items) read(item);
    }
    template <typename T>
    T enumerator(T last) {
        const T value = in_.number<T>();
        if (value > last)
            fail(ErrorCode::protocol, "decode: {} is beyond the last of its kind",
                 static_cast<int>(value));
        return value;
    }
    Decoder& in_;
};

}  // namespace ipcrun
