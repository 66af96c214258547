// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A value between Lua states of one process: a copy, but for tensors, storages and objects of ipc,
/// which go by reference. Nothing of it belongs to a state, so that any thread may hold it, read it
/// any number of times, and let it go.

#include <cstddef>
#include <cstdint>
#include <lua.hpp>
#include <memory>
#include <string>
#include <type_traits>
#include <utility>
#include <vector>

#include "bindings/lua/ipc/marshal.hpp"
#include "bindings/lua/ipc/parcel.hpp"

namespace ipcrun::lua {

/// A value that needs no memory of its own: what most items are.
struct SmallValue {
    static constexpr std::size_t text_max = 30;

    Tag tag = Tag::nil;       ///< nil, no, yes, integer, number or string
    std::uint8_t length = 0;  ///< of the text
    union {
        std::int64_t integer = 0;
        double number;
        char text[text_max];
    };
};
static_assert(std::is_trivially_destructible_v<SmallValue>);

/// What other items are made of. Not changed any more once it is there.
struct ItemContents {
    Bytes tokens;
    std::vector<Tensor> tensors;
    std::vector<StoragePtr> storages;
    std::vector<Holder> handles;
    /// In their place: a string, which is no small value and nothing but that.
    std::string text = {};
    bool is_text = false;
    /// In their place: the value as bytes for other processes (see threads/shared_channel.hpp).
    std::shared_ptr<const Outgoing> parcel = {};
};

/// Cheap to copy: copies share the contents. Empty at first, which is not nil.
class Item {
  public:
    Item() = default;
    explicit Item(const SmallValue& small) : small_(small), is_small_(true) {}
    explicit Item(std::shared_ptr<const ItemContents> contents) : contents_(std::move(contents)) {}
    Item(const Item&) = default;
    Item(Item&& other) noexcept
        : contents_(std::move(other.contents_)),
          small_(other.small_),
          is_small_(std::exchange(other.is_small_, false)) {}
    Item& operator=(const Item&) = default;
    Item& operator=(Item&& other) noexcept {
        contents_ = std::move(other.contents_);
        small_ = other.small_;
        is_small_ = std::exchange(other.is_small_, false);
        return *this;
    }

    explicit operator bool() const { return is_small_ || contents_ != nullptr; }
    /// Null when it is none.
    const SmallValue* small() const { return is_small_ ? &small_ : nullptr; }
    /// Null for small values and in an empty one.
    const std::shared_ptr<const ItemContents>& contents() const { return contents_; }

  private:
    std::shared_ptr<const ItemContents> contents_;
    SmallValue small_;
    bool is_small_ = false;
};

/// Makes an item of a value; what marshal() fills.
class Packer final : public Carrier {
  public:
    std::uint32_t add_tensor(const Tensor& tensor) noexcept override;
    std::uint32_t add_storage(const StoragePtr& storage) noexcept override;
    bool takes_handles() const override { return true; }
    std::uint32_t add_handle(const Holder& holder) noexcept override;
    void clear() override;

    /// What was added; the packer is empty then. Throws std::bad_alloc.
    Item take();

  private:
    template <typename T>
    std::uint32_t add(std::vector<T>& list, const T& object) noexcept;
    ItemContents contents_;
    bool out_of_memory_ = false;
};

/// Reads an item; what unmarshal() empties.
class Unpacker final : public Cargo {
  public:
    /// One that is no small value.
    void open(Item item);
    /// One that is a string: only holds it.
    void hold(Item item) { item_ = std::move(item); }
    /// Lets go of it.
    void close() { item_ = Item(); }
    const Tensor& tensor(std::uint32_t index) const override { return contents().tensors[index]; }
    const StoragePtr& block(std::uint32_t index) const override {
        return contents().storages[index];
    }
    const Holder& handle(std::uint32_t index) const override { return contents().handles[index]; }
    const ItemContents& contents() const { return *item_.contents(); }

  private:
    Item item_;
};

/// To be called once a state, before the functions below. May raise.
void register_items(lua_State* lua);

/// A userdata that holds an item: so that what happens in Lua cannot lose it.
struct ItemHolder {
    Item item;
};
/// An empty one, on the stack. May raise.
ItemHolder& push_item_holder(lua_State* lua);

/// The value at `index` as a small one; false when it is none. Does not raise.
bool to_small(lua_State* lua, int index, SmallValue& small);
/// May raise when it is a string.
void push_small(lua_State* lua, const SmallValue& small);

/// Makes an item of the value at `index`; leaves the stack as it was. Raises where something cannot
/// go, naming its place and `operation`: then `item` is as it was.
void pack_item(lua_State* lua, int index, Closures closures, const char* operation, Item& item);
/// Pushes the value of the item. Raises when memory is short, or when a module that it needs cannot
/// be required. `item` may be changed meanwhile.
void push_item(lua_State* lua, const Item& item, const char* operation);
/// The same for an item that nobody wants back: it is empty when Lua code runs.
void push_taken(lua_State* lua, Item& item, const char* operation);

}  // namespace ipcrun::lua
