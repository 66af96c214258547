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
        encoder_.number(static_cast<std::uint64_t>(text.size()));
        encoder_.bytes(text);
    });
}

void TokenWriter::begin_table(std::uint32_t items, std::uint32_t fields) noexcept {
    guarded([&] {
        encoder_.number(Tag::table);
        encoder_.number(items);
        encoder_.number(fields);
    });
}

void TokenWriter::add_index(Tag tag, std::uint32_t index) noexcept {
    guarded([&] {
        encoder_.number(tag);
        encoder_.number(index);
    });
}

TokenReader::TokenReader(std::span<const std::uint8_t> bytes, std::uint32_t tensors,
                         std::uint32_t blocks)
    : bytes_(bytes),
      tensors_(tensors),
      blocks_(blocks),
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

bool TokenReader::read_table(Token& token) {
    if (depth_ == token_depth_max) return refuse("tables are nested too deep");
    if (!read_number(token.items) || !read_number(token.fields)) return false;
    // Each item is two tokens; and tables cannot all claim what is left.
    const std::size_t hints_max = std::min(hints_left_, bytes_.size() / 2);
    token.items = static_cast<std::uint32_t>(std::min<std::size_t>(token.items, hints_max));
    token.fields =
        static_cast<std::uint32_t>(std::min<std::size_t>(token.fields, hints_max - token.items));
    hints_left_ -= token.items + token.fields;
    return true;
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
            return true;
        case Tag::integer:
            return read_number(token.integer);
        case Tag::number:
            return read_number(token.number);
        case Tag::string: {
            std::uint64_t length = 0;
            if (!read_number(length)) return false;
            if (length > bytes_.size()) return refuse("it ends within a string");
            token.text = {reinterpret_cast<const char*>(bytes_.data()), length};
            bytes_ = bytes_.subspan(length);
            return true;
        }
        case Tag::table:
            return read_table(token);
        case Tag::again:
        case Tag::tensor:
        case Tag::storage: {
            if (!read_number(token.index)) return false;
            const std::uint32_t count = token.tag == Tag::again    ? objects_
                                        : token.tag == Tag::tensor ? tensors_
                                                                   : blocks_;
            if (token.index >= count) return refuse("it names something that is not in it");
            return true;
        }
    }
    return refuse("it has a value of a kind that is not known");
}

// Sets the token's role, and goes a level down or up.
bool TokenReader::check_role(Token& token) {
    if (token.tag == Tag::end) {
        if (depth_ == 0 || !expects_key_[depth_]) return refuse("a table ends where it cannot");
        --depth_;
    }
    const bool is_key =
        depth_ > 0 && (token.tag == Tag::end ? is_key_[depth_ + 1] : expects_key_[depth_]);
    token.role = depth_ == 0 ? Token::Role::root : is_key ? Token::Role::key : Token::Role::value;
    const bool is_no_key =
        token.tag == Tag::nil || (token.tag == Tag::number && std::isnan(token.number));
    if (is_key && is_no_key) return refuse("a table has a key that is none");
    if (token.tag == Tag::table || token.tag == Tag::tensor || token.tag == Tag::storage)
        ++objects_;
    if (token.tag == Tag::table) {
        ++depth_;
        expects_key_[depth_] = true;
        is_key_[depth_] = is_key;
    } else if (depth_ > 0) {
        expects_key_[depth_] = !is_key;
    } else {
        is_complete_ = true;
        if (!bytes_.empty()) return refuse("something is left behind its value");
    }
    return true;
}

bool TokenReader::next(Token& token) {
    if (is_complete_ || error_ != nullptr) return false;
    token = Token();
    return read(token) && check_role(token);
}

}  // namespace ipcrun::lua
