// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A value of Lua as a row of tokens, and back; knows nothing of Lua. Tables, functions, tensors
/// and storages are numbered from 0 in the order in which they begin, so that a later place can
/// name an earlier one: that is how cycles and shared references travel. So are, by themselves, the
/// cells that functions share as upvalues.

#include <array>
#include <bitset>
#include <cstddef>
#include <cstdint>
#include <span>
#include <string_view>
#include <type_traits>

#include "base/bytes.hpp"

namespace ipcrun::lua {

/// How deep tables and functions may be nested.
constexpr int token_depth_max = 10'000;

enum class Tag : std::uint8_t {
    nil,
    no,       ///< false
    yes,      ///< true
    integer,  ///< 8 bytes
    number,   ///< 8 bytes
    string,   ///< length (8 bytes), then that many
    table,    ///< two hints for its size (4 bytes each); then keys and values, then `end`
    end,
    again,        ///< the number of an earlier object (4 bytes)
    tensor,       ///< which of the message's tensors (4 bytes)
    storage,      ///< which of the message's blocks (4 bytes)
    function,     ///< length (8 bytes) and bytecode; then its upvalues in any order, then `end`
    upvalue,      ///< which, from 1 (1 byte); then the value of this cell
    shared,       ///< which (1 byte): its cell is the one of this number (4 bytes)
    environment,  ///< which (1 byte): bound to the receiver's globals
    globals,      ///< the receiver's table of globals
    module,       ///< length (8 bytes) and name: what `require` gives the receiver
    member,       ///< the same of a module, then of a field of it
    object,       ///< length (8 bytes) and name of its class; then as a table
    handle,       ///< which of the objects beside the tokens (4 bytes)
    foreign,      ///< an object of another process: its type, then how to find it (as member)
};
constexpr int tag_count = 21;

/// Appends tokens. Does not throw, so that Lua's errors may pass: that memory ran out is remembered
/// and asked for at the end.
class TokenWriter {
  public:
    void add(Tag tag) noexcept;
    void add_integer(std::int64_t value) noexcept;
    void add_number(double value) noexcept;
    void add_string(std::string_view text) noexcept;
    /// The hints are those of lua_createtable.
    void begin_table(std::uint32_t items, std::uint32_t fields) noexcept;
    void begin_object(std::string_view class_name, std::uint32_t items) noexcept;
    /// Bytecode follows, as many bytes as said here; then upvalues.
    void begin_function(std::size_t code_bytes) noexcept;
    void add_code(std::string_view piece) noexcept;
    /// A value follows.
    void begin_upvalue(std::uint8_t which) noexcept;
    void add_shared(std::uint8_t which, std::uint32_t cell) noexcept;
    void add_environment(std::uint8_t which) noexcept;
    /// Of the table or function.
    void end() noexcept { add(Tag::end); }
    /// again, tensor, storage or handle.
    void add_index(Tag tag, std::uint32_t index) noexcept;
    void add_module(std::string_view name) noexcept;
    void add_member(std::string_view module, std::string_view field) noexcept;
    void add_foreign(std::string_view type, std::string_view description) noexcept;

    bool is_out_of_memory() const { return out_of_memory_; }
    Bytes take() { return encoder_.take(); }

  private:
    template <typename Write>
    void guarded(Write write) noexcept;
    void text(std::string_view text);
    void pair(Tag tag, std::string_view first, std::string_view second) noexcept;

    Encoder encoder_;
    bool out_of_memory_ = false;
};

/// One token, as it was read. Text is borrowed from the bytes.
struct Token {
    /// What the value that this token is, or ends, is good for.
    enum class Role : std::uint8_t { root, key, value, upvalue };

    Tag tag = Tag::nil;
    Role role = Role::root;
    std::uint8_t which = 0;    ///< of the function's upvalues
    std::uint32_t index = 0;   ///< of again, tensor, storage and handle; the cell of shared
    std::uint32_t items = 0;   ///< of table and object: no more than bytes that are left can hold
    std::uint32_t fields = 0;  ///< likewise
    std::int64_t integer = 0;
    double number = 0;
    std::string_view text;   ///< also bytecode, and the name of a module, class or type
    std::string_view field;  ///< of member; how to find what is foreign
};

/// What only a function has in it: the tokens of upvalues.
constexpr bool is_upvalue(Tag tag) {
    return tag == Tag::upvalue || tag == Tag::shared || tag == Tag::environment;
}

/// Reads what TokenWriter wrote, and trusts none of it: every length, index and nesting is checked,
/// and all hints together stay below the bytes there are. Trivially destructible, and never throws.
class TokenReader {
  public:
    TokenReader() = default;
    TokenReader(std::span<const std::uint8_t> bytes, std::uint32_t tensors, std::uint32_t blocks,
                std::uint32_t handles = 0);

    /// The next token of the one value: false when that is complete, or when the bytes are none.
    bool next(Token& token);
    /// What is wrong with the bytes; null when nothing is.
    const char* error() const { return error_; }

  private:
    bool read(Token& token);
    template <typename T>
    bool read_number(T& value);
    bool read_text(std::string_view& text);
    bool read_table(Token& token);
    bool read_upvalue(Token& token);
    bool read_index(Token& token, std::uint32_t count);
    bool check_role(Token& token);
    bool step(Tag tag, bool is_key);
    bool refuse(const char* reason);

    std::span<const std::uint8_t> bytes_;
    std::uint32_t tensors_ = 0;
    std::uint32_t blocks_ = 0;
    std::uint32_t handles_ = 0;
    std::uint32_t objects_ = 0;
    std::uint32_t cells_ = 0;
    std::size_t hints_left_ = 0;
    int depth_ = 0;
    bool is_complete_ = true;
    const char* error_ = nullptr;
    // Of what is being read: is it a function, and no table? Does a key follow, or an upvalue?
    bool in_function_ = false;
    bool expects_key_ = false;
    // A bit a level: is it a function; and is it a key, where it stands?
    std::bitset<token_depth_max + 1> is_function_;
    std::bitset<token_depth_max + 1> is_key_;
};
static_assert(std::is_trivially_destructible_v<TokenReader>);

}  // namespace ipcrun::lua
