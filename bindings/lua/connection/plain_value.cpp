// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/connection/plain_value.hpp"

#include <cstring>
#include <type_traits>

#include "bindings/lua/ipc/parcel_format.hpp"
#include "bindings/lua/ipc/tokens.hpp"

namespace ipcrun::lua {

namespace {

constexpr std::size_t string_head_bytes = sizeof(Tag) + sizeof(std::uint64_t);
constexpr std::size_t text_bytes_max = plain_bytes_max - string_head_bytes - parcel_footer_bytes;

template <typename T>
T number_at(std::span<const std::uint8_t> bytes, std::size_t offset) {
    T value;
    std::memcpy(&value, bytes.data() + offset, sizeof value);
    return value;
}

// The only token of the parcel; empty where there is more in it.
std::span<const std::uint8_t> only_token(std::span<const std::uint8_t> parcel) {
    if (parcel.size() <= parcel_footer_bytes) return {};
    const auto token = parcel.first(parcel.size() - parcel_footer_bytes);
    const auto footer = parcel.last(parcel_footer_bytes);
    // Its description, blocks, tensors and mark.
    const bool is_only = number_at<std::uint64_t>(footer, 0) == token.size() &&
                         number_at<std::uint64_t>(footer, 8) == 0 &&
                         number_at<std::uint32_t>(footer, 16) == parcel_magic;
    return is_only ? token : std::span<const std::uint8_t>();
}

}  // namespace

static_assert(std::is_trivially_destructible_v<PlainParcel>);

template <typename T>
void PlainParcel::append(T value) {
    std::memcpy(bytes_.data() + length_, &value, sizeof value);
    length_ += sizeof value;
}

bool PlainParcel::encode(lua_State* lua, int index) {
    length_ = 0;
    switch (lua_type(lua, index)) {
        case LUA_TNIL:
            append(Tag::nil);
            break;
        case LUA_TBOOLEAN:
            append(lua_toboolean(lua, index) != 0 ? Tag::yes : Tag::no);
            break;
        case LUA_TNUMBER:
            if (lua_isinteger(lua, index) != 0) {
                append(Tag::integer);
                append(static_cast<std::int64_t>(lua_tointeger(lua, index)));
            } else {
                append(Tag::number);
                append(static_cast<double>(lua_tonumber(lua, index)));
            }
            break;
        case LUA_TSTRING: {
            std::size_t length = 0;
            const char* const text = lua_tolstring(lua, index, &length);
            if (length > text_bytes_max) return false;
            append(Tag::string);
            append(static_cast<std::uint64_t>(length));
            std::memcpy(bytes_.data() + length_, text, length);
            length_ += length;
            break;
        }
        default:
            return false;
    }
    append(static_cast<std::uint64_t>(length_));
    append(std::uint32_t(0));  // blocks
    append(std::uint32_t(0));  // tensors
    append(parcel_magic);
    return true;
}

bool push_plain_value(lua_State* lua, std::span<const std::uint8_t> parcel) {
    const auto token = only_token(parcel);
    if (token.empty()) return false;
    const std::size_t rest = token.size() - sizeof(Tag);
    switch (Tag(token[0])) {
        case Tag::nil:
            if (rest != 0) return false;
            lua_pushnil(lua);
            return true;
        case Tag::no:
        case Tag::yes:
            if (rest != 0) return false;
            lua_pushboolean(lua, Tag(token[0]) == Tag::yes);
            return true;
        case Tag::integer:
            if (rest != sizeof(std::int64_t)) return false;
            lua_pushinteger(lua, number_at<std::int64_t>(token, sizeof(Tag)));
            return true;
        case Tag::number:
            if (rest != sizeof(double)) return false;
            lua_pushnumber(lua, number_at<double>(token, sizeof(Tag)));
            return true;
        case Tag::string: {
            if (token.size() < string_head_bytes) return false;
            const std::size_t length = token.size() - string_head_bytes;
            if (number_at<std::uint64_t>(token, sizeof(Tag)) != length) return false;
            lua_pushlstring(lua, reinterpret_cast<const char*>(token.data()) + string_head_bytes,
                            length);
            return true;
        }
        default:
            return false;
    }
}

}  // namespace ipcrun::lua
