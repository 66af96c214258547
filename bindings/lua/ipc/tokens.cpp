// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/ipc/tokens.hpp"

#include <algorithm>
#include <cmath>
#include <new>

namespace ipcrun::lua {

template <typename Write>
void TokenWriter::guarded(Write write) noexcept {
    try {
        write();
    } catch (const std::bad_alloc&) {
        out_of_memory_ = true;
    }
}

void TokenWriter::text(std::string_view text) {
    encoder_.number(static_cast<std::uint64_t>(text.size()));
    encoder_.bytes(text);
}

void TokenWriter::add(Tag tag) noexcept {
    guarded([&] { encoder_.number(tag); });
}

void TokenWriter::add_integer(std::int64_t value) noexcept {
    guarded([&] {
        encoder_.number(Tag::integer);
        encoder_.number(value);
    });
}

void TokenWriter::add_number(double value) noexcept {
    guarded([&] {
        encoder_.number(Tag::number);
        encoder_.number(value);
    });
}

void TokenWriter::add_string(std::string_view text) noexcept {
    guarded([&] {
        encoder_.number(Tag::string);
        this->text(text);
    });
}

void TokenWriter::begin_table(std::uint32_t items, std::uint32_t fields) noexcept {
    guarded([&] {
        encoder_.number(Tag::table);
        encoder_.number(items);
        encoder_.number(fields);
    });
}

void TokenWriter::begin_object(std::string_view class_name, std::uint32_t items) noexcept {
    guarded([&] {
        encoder_.number(Tag::object);
        text(class_name);
        encoder_.number(items);
        encoder_.number(std::uint32_t(0));
    });
}

void TokenWriter::add_index(Tag tag, std::uint32_t index) noexcept {
    guarded([&] {
        encoder_.number(tag);
        encoder_.number(index);
    });
}

void TokenWriter::begin_function(std::size_t code_bytes) noexcept {
    guarded([&] {
        encoder_.number(Tag::function);
        encoder_.number(static_cast<std::uint64_t>(code_bytes));
    });
}

void TokenWriter::add_code(std::string_view piece) noexcept {
    guarded([&] { encoder_.bytes(piece); });
}

void TokenWriter::begin_upvalue(std::uint8_t which) noexcept {
    guarded([&] {
        encoder_.number(Tag::upvalue);
        encoder_.number(which);
    });
}

void TokenWriter::add_shared(std::uint8_t which, std::uint32_t cell) noexcept {
    guarded([&] {
        encoder_.number(Tag::shared);
        encoder_.number(which);
        encoder_.number(cell);
    });
}

void TokenWriter::add_environment(std::uint8_t which) noexcept {
    guarded([&] {
        encoder_.number(Tag::environment);
        encoder_.number(which);
    });
}

void TokenWriter::add_module(std::string_view name) noexcept {
    guarded([&] {
        encoder_.number(Tag::module);
        text(name);
    });
}

void TokenWriter::pair(Tag tag, std::string_view first, std::string_view second) noexcept {
    guarded([&] {
        encoder_.number(tag);
        text(first);
        text(second);
    });
}

void TokenWriter::add_member(std::string_view module, std::string_view field) noexcept {
    pair(Tag::member, module, field);
}

void TokenWriter::add_foreign(std::string_view type, std::string_view description) noexcept {
    pair(Tag::foreign, type, description);
}

TokenReader::TokenReader(std::span<const std::uint8_t> bytes, std::uint32_t tensors,
                         std::uint32_t blocks, std::uint32_t handles)
    : bytes_(bytes),
      tensors_(tensors),
      blocks_(blocks),
      handles_(handles),
      hints_left_(bytes.size()),
      is_complete_(false) {}

bool TokenReader::refuse(const char* reason) {
    error_ = reason;
    return false;
}

template <typename T>
bool TokenReader::read_number(T& value) {
    if (bytes_.size() < sizeof value) return refuse("it ends within a value");
    std::memcpy(&value, bytes_.data(), sizeof value);
    bytes_ = bytes_.subspan(sizeof value);
    return true;
}

bool TokenReader::read_text(std::string_view& text) {
    std::uint64_t length = 0;
    if (!read_number(length)) return false;
    if (length > bytes_.size()) return refuse("it ends within a string");
    text = {reinterpret_cast<const char*>(bytes_.data()), length};
    bytes_ = bytes_.subspan(length);
    return true;
}

bool TokenReader::read_table(Token& token) {
    if (!read_number(token.items) || !read_number(token.fields)) return false;
    // Each item is two tokens; and tables cannot all claim what is left.
    const std::size_t hints_max = std::min(hints_left_, bytes_.size() / 2);
    token.items = static_cast<std::uint32_t>(std::min<std::size_t>(token.items, hints_max));
    token.fields =
        static_cast<std::uint32_t>(std::min<std::size_t>(token.fields, hints_max - token.items));
    hints_left_ -= token.items + token.fields;
    return true;
}

bool TokenReader::read_upvalue(Token& token) {
    if (!read_number(token.which)) return false;
    if (token.which == 0) return refuse("upvalues are counted from 1");
    return token.tag != Tag::shared || read_index(token, cells_);
}

bool TokenReader::read_index(Token& token, std::uint32_t count) {
    if (!read_number(token.index)) return false;
    return token.index < count || refuse("it names something that is not in it");
}

bool TokenReader::read(Token& token) {
    std::uint8_t tag = 0;
    if (!read_number(tag)) return false;
    if (tag >= tag_count) return refuse("it has a value of a kind that is not known");
    token.tag = static_cast<Tag>(tag);
    switch (token.tag) {
        case Tag::nil:
        case Tag::no:
        case Tag::yes:
        case Tag::end:
        case Tag::globals:
            return true;
        case Tag::integer:
            return read_number(token.integer);
        case Tag::number:
            return read_number(token.number);
        case Tag::string:
        case Tag::function:
        case Tag::module:
            return read_text(token.text);
        case Tag::member:
        case Tag::foreign:
            return read_text(token.text) && read_text(token.field);
        case Tag::table:
            return read_table(token);
        case Tag::object:
            return read_text(token.text) && read_table(token);
        case Tag::upvalue:
        case Tag::shared:
        case Tag::environment:
            return read_upvalue(token);
        case Tag::again:
            return read_index(token, objects_);
        case Tag::tensor:
            return read_index(token, tensors_);
        case Tag::storage:
            return read_index(token, blocks_);
        case Tag::handle:
            return read_index(token, handles_);
    }
    return refuse("it has a value of a kind that is not known");
}

// Sets the token's role, and refuses it where it cannot stand.
bool TokenReader::check_role(Token& token) {
    bool is_key = expects_key_;
    if (token.tag == Tag::end) {
        if (depth_ == 0 || !expects_key_) return refuse("a table or function ends where it cannot");
        is_key = is_key_[depth_];
        --depth_;
        in_function_ = is_function_[depth_];
    }
    if (is_upvalue(token.tag) != (in_function_ && is_key))
        return refuse("an upvalue is where it cannot be, or missing");
    const bool is_no_key =
        token.tag == Tag::nil || (token.tag == Tag::number && std::isnan(token.number));
    if (is_key && is_no_key) return refuse("a table has a key that is none");
    token.role = depth_ == 0    ? Token::Role::root
                 : is_key       ? Token::Role::key
                 : in_function_ ? Token::Role::upvalue
                                : Token::Role::value;
    return step(token.tag, is_key);
}

// Counts what can be named later, and goes a level down, or to what is expected next.
bool TokenReader::step(Tag tag, bool is_key) {
    expects_key_ = !is_key;
    switch (tag) {
        case Tag::table:
        case Tag::object:
        case Tag::function:
            if (depth_ == token_depth_max)
                return refuse("tables and functions are nested too deep");
            ++objects_;
            ++depth_;
            in_function_ = is_function_[depth_] = tag == Tag::function;
            is_key_[depth_] = is_key;
            expects_key_ = true;
            return true;
        case Tag::tensor:
        case Tag::storage:
        case Tag::handle:
        case Tag::foreign:
            ++objects_;
            break;
        case Tag::upvalue:
            ++cells_;
            break;
        case Tag::shared:
        case Tag::environment:  // no value belongs to it
            expects_key_ = true;
            break;
        default:
            break;
    }
    if (depth_ > 0) return true;
    is_complete_ = true;
    return bytes_.empty() || refuse("something is left behind its value");
}

bool TokenReader::next(Token& token) {
    if (is_complete_ || error_ != nullptr) return false;
    token = Token();
    return read(token) && check_role(token);
}

}  // namespace ipcrun::lua
