// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A table that threads with a Lua state each share: keys to items. How values of Lua become these
/// is in shared_table_access.hpp.

#include <cstdint>
#include <mutex>
#include <string>
#include <string_view>
#include <unordered_map>
#include <vector>

#include "bindings/lua/ipc/handle.hpp"
#include "bindings/lua/ipc/item.hpp"

namespace ipcrun::lua {

constexpr const char* shared_table_name = "ipc.sharedtable";

enum class KeyKind : std::uint8_t { boolean, integer, number, text, object };

/// A key that is looked for. Borrows its text and its object; trivially destructible.
struct KeyView {
    KeyKind kind = KeyKind::boolean;
    std::int64_t integer = 0;  ///< a boolean is 0 or 1
    double number = 0;         ///< never one that is an integer
    std::string_view text = {};
    const SharedObject* object = nullptr;

    bool operator==(const KeyView& other) const {
        return kind == other.kind && integer == other.integer && number == other.number &&
               text == other.text && object == other.object;
    }
};

/// A key that is held.
struct Key {
    Key(const KeyView& view, Holder holder);
    KeyView view() const;

    KeyKind kind;
    std::int64_t integer;
    double number;
    std::string text;
    Holder object;
};

/// All functions may be called by any thread. They throw std::bad_alloc, but for clear().
class SharedTable final : public SharedObject {
  public:
    /// `is_nested`: whoever puts tables of Lua into it makes shared tables of them first.
    explicit SharedTable(bool is_nested) : is_nested_(is_nested) {}
    bool is_nested() const { return is_nested_; }
    const char* type_name() const override { return shared_table_name; }

    /// The item at the key; null when there is none.
    Item get(const KeyView& key) const;
    /// Puts an item at the key; null takes away what is there.
    void put(Key key, Item item);
    /// Puts `item` where the key has `expected` or, as it may be, `other` (null: nothing); else
    /// gives what it has in `found`, and false. Compares what items hold, as contents_equal().
    bool swap(Key key, const Item& expected, const Item& other, Item item, Item& found);
    std::size_t size() const;
    /// All of them: integers first, in order.
    std::vector<Key> keys() const;
    /// Bytes of keys and items, without tensors and other shared objects.
    std::size_t bytes() const;
    /// Takes all away.
    void clear();

  private:
    struct Hash {
        using is_transparent = void;
        std::size_t operator()(const KeyView& key) const;
        std::size_t operator()(const Key& key) const { return (*this)(key.view()); }
    };
    struct Equal {
        using is_transparent = void;
        static KeyView view(const KeyView& key) { return key; }
        static KeyView view(const Key& key) { return key.view(); }
        template <typename A, typename B>
        bool operator()(const A& a, const B& b) const {
            return view(a) == view(b);
        }
    };
    using Entries = std::unordered_map<Key, Item, Hash, Equal>;
    Item exchange(Key key, Item item);

    const bool is_nested_;
    mutable std::mutex mutex_;
    Entries entries_;
    std::size_t bytes_ = 0;
};

/// Are they of the same bytes, and do they name the same objects? Two tables may not be, though
/// they hold the same.
bool contents_equal(const Item& a, const Item& b);

}  // namespace ipcrun::lua
