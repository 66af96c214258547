// SPDX-License-Identifier: Apache-2.0
#include <fmt/format.h>

#include <iterator>
#include <limits>

#include "base/fail.hpp"
#include "bindings/lua/torch/scalar.hpp"
#include "bindings/lua/torch/t7/document.hpp"
#include "bindings/lua/torch/type_names.hpp"

namespace ipcrun::lua {

namespace {

/// Elements that are turned into text before the sink takes them.
constexpr std::int64_t block_elements = 4096;

/// An object whose values are still being written.
struct OpenObject {
    std::size_t number;
    std::size_t next = 0;
};

class Encoder {
  public:
    Encoder(const T7Document& document, T7Format format, T7Sink& sink)
        : document_(document),
          is_text_(format == T7Format::ascii),
          sink_(sink),
          indices_(document.objects.size()) {}

    void run() {
        write_value(document_.root);
        while (!open_.empty()) {
            OpenObject& top = open_.back();
            const T7Object& object = document_.objects[top.number];
            if (top.next == object.values.size())
                open_.pop_back();
            else
                write_value(object.values[top.next++]);
        }
    }

  private:
    void write_value(const T7Value& value);
    void write_object(std::size_t number);
    void write_torch(const T7Object& object);

    template <typename T>
    void write_number(T value) {
        if (is_text_)
            write_text(fmt::format("{}\n", value));
        else
            sink_.write(&value, sizeof value);
    }
    void write_int(std::size_t value, const char* what) {
        if (value > std::size_t(std::numeric_limits<std::int32_t>::max()))
            fail(ErrorCode::usage, "{} {} are more than the format can count", value, what);
        write_number(std::int32_t(value));
    }
    void write_tag(T7Tag tag) { write_number(std::int32_t(tag)); }
    void write_real(double value) {
        if (is_text_)
            write_text(fmt::format("{:.17g}\n", value));
        else
            sink_.write(&value, sizeof value);
    }
    void write_text(std::string_view text) { sink_.write(text.data(), text.size()); }
    /// A text with its length before it.
    void write_string(std::string_view text) {
        write_int(text.size(), "bytes");
        write_text(text);
        if (is_text_ && !text.empty()) write_text("\n");
    }
    void write_elements(Dtype dtype, std::int64_t count, const std::byte* data);

    const T7Document& document_;
    const bool is_text_;
    T7Sink& sink_;
    std::vector<std::int32_t> indices_;  // in the file, by number; 0: not yet written
    std::int32_t last_index_ = 0;
    std::vector<OpenObject> open_;
};

void Encoder::write_value(const T7Value& value) {
    switch (value.kind) {
        case T7Value::Kind::nil:
            return write_tag(T7Tag::nil);
        case T7Value::Kind::number:
            write_tag(T7Tag::number);
            return write_real(value.number);
        case T7Value::Kind::boolean:
            write_tag(T7Tag::boolean);
            return write_number(std::int32_t(value.boolean));
        case T7Value::Kind::string:
            write_tag(T7Tag::string);
            return write_string(document_.string_of(value));
        case T7Value::Kind::object:
            return write_object(value.at);
    }
}

/// By its index alone when it has been written before.
void Encoder::write_object(std::size_t number) {
    const T7Object& object = document_.objects[number];
    const bool is_table = object.kind == T7Object::Kind::table;
    write_tag(is_table ? T7Tag::table : T7Tag::torch);
    const bool is_new = indices_[number] == 0;
    if (is_new) {
        if (last_index_ == std::numeric_limits<std::int32_t>::max())
            fail(ErrorCode::usage, "more objects than the format can count");
        indices_[number] = ++last_index_;
    }
    write_number(indices_[number]);
    if (!is_new) return;
    if (is_table)
        write_int(object.values.size() / 2, "entries of a table");
    else
        write_torch(object);
    if (!object.values.empty()) open_.push_back({number});
}

void Encoder::write_torch(const T7Object& object) {
    write_string("V 1");
    switch (object.kind) {
        case T7Object::Kind::instance:
            return write_string(object.class_name);
        case T7Object::Kind::storage:
            write_string(storage_name_of(object.dtype));
            write_number(std::int64_t(object.storage->count()));
            return write_elements(object.dtype, std::int64_t(object.storage->count()),
                                  object.storage->data());
        default:
            break;
    }
    write_string(tensor_name_of(object.dtype));
    write_number(std::int32_t(object.dims()));
    const auto* numbers = reinterpret_cast<const std::byte*>(object.layout.data());
    write_elements(Dtype::i64, object.dims(), numbers);
    write_elements(Dtype::i64, object.dims(),
                   numbers + std::size_t(object.dims()) * sizeof(std::int64_t));
    write_number(object.layout.back() + 1);
}

void Encoder::write_elements(Dtype dtype, std::int64_t count, const std::byte* data) {
    const std::size_t item = size_of(dtype);
    if (!is_text_ || item == 1) {
        sink_.write(data, std::size_t(count) * item);
        if (is_text_ && count > 0) write_text("\n");
        return;
    }
    std::string block;
    for (std::int64_t i = 0; i < count; ++i, data += item) {
        const Scalar element = load_element(dtype, data);
        const auto out = std::back_inserter(block);
        if (element.is_integer)
            fmt::format_to(out, "{}", element.integer);
        else
            fmt::format_to(out, "{:.{}g}", element.real, dtype == Dtype::f64 ? 17 : 9);
        block += i + 1 < count ? ' ' : '\n';
        if (i % block_elements != block_elements - 1 && i + 1 < count) continue;
        write_text(block);
        block.clear();
    }
}

}  // namespace

void encode_t7(const T7Document& document, T7Format format, T7Sink& sink) {
    Encoder(document, format, sink).run();
}

}  // namespace ipcrun::lua
