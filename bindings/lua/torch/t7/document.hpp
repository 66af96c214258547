// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a .t7 file holds, as plain values: between the bytes of torch7's format and the values of
/// Lua, which know nothing of each other. Objects refer to each other by number, so that shared
/// ones and cycles need nothing special.

#include <cstdint>
#include <memory>
#include <string>
#include <string_view>
#include <vector>

#include "runtime/storage.hpp"

namespace ipcrun::lua {

enum class T7Format { binary, ascii };

struct T7Value {
    enum class Kind : std::uint8_t { nil, number, string, boolean, object };

    Kind kind = Kind::nil;
    bool boolean = false;
    std::uint32_t length = 0;  ///< of a string
    union {
        double number = 0;
        std::uint64_t at;  ///< where a string begins in the text; the number of an object
    };
};

struct T7Object {
    enum class Kind : std::uint8_t {
        table,     ///< values: key, value, key, value, ...
        tensor,    ///< values: its storage, or nil
        storage,   ///< no values
        instance,  ///< of a class of torch.class; values: the table of its fields
    };

    Kind kind = Kind::table;
    Dtype dtype = Dtype::f64;          ///< of a tensor or storage
    StoragePtr storage;                ///< of a storage, and of a tensor that has one
    std::string class_name;            ///< of an instance
    std::vector<std::int64_t> layout;  ///< of a tensor: its sizes, its strides, its offset from 0
    std::vector<T7Value> values;

    int dims() const { return int(layout.size() / 2); }
};

struct T7Document {
    std::string text;  ///< holds all strings
    std::vector<T7Object> objects;
    T7Value root;

    std::string_view string_of(const T7Value& value) const {
        return std::string_view(text).substr(value.at, value.length);
    }
};

/// Reads the first value in `bytes`, which may come from anybody: every count is held against the
/// bytes that are left before memory is asked for, and every tensor lies inside its storage. What
/// follows the value is ignored. New storages live in `heap`, or in private memory when it is null.
/// Throws protocol naming the place, or unsupported for functions (which are bytecode).
T7Document decode_t7(std::string bytes, T7Format format, const std::shared_ptr<Heap>& heap);

/// Takes the bytes of a file piece by piece; may throw.
class T7Sink {
  public:
    virtual ~T7Sink() = default;
    virtual void write(const void* bytes, std::size_t count) = 0;
};

/// Writes `document` as torch7 would. Throws usage when something is too large for the format,
/// whose counts have 32 bits.
void encode_t7(const T7Document& document, T7Format format, T7Sink& sink);

/// How both sides tell values apart.
enum class T7Tag : std::int32_t {
    nil = 0,
    number = 1,
    string = 2,
    table = 3,
    torch = 4,
    boolean = 5,
    function = 6,
    old_recursive_function = 7,
    recursive_function = 8,
};

}  // namespace ipcrun::lua
