// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A value between Lua states of one process: a copy, but for tensors, storages and objects of ipc,
/// which go by reference. Nothing of it belongs to a state, so that any thread may hold it, read it
/// any number of times, and let it go.

#include <memory>
#include <vector>

#include "bindings/lua/ipc/marshal.hpp"

namespace ipcrun::lua {

/// What an item is made of. Not changed any more once it is there.
struct ItemContents {
    Bytes tokens;
    std::vector<Tensor> tensors;
    std::vector<StoragePtr> storages;
    std::vector<Holder> handles;
};

/// Cheap to copy: copies share the contents.
using Item = std::shared_ptr<const ItemContents>;

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
    void open(Item item);
    const Tensor& tensor(std::uint32_t index) const override { return item_->tensors[index]; }
    const StoragePtr& block(std::uint32_t index) const override { return item_->storages[index]; }
    const Holder& handle(std::uint32_t index) const override { return item_->handles[index]; }

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

/// Makes an item of the value at `index`; leaves the stack as it was. Raises where something cannot
/// go, naming its place and `operation`: then `item` is as it was.
void pack_item(lua_State* lua, int index, Closures closures, const char* operation, Item& item);
/// Pushes the value of the item. Raises when memory is short, or when a module that it needs cannot
/// be required. `item` may be changed meanwhile.
void push_item(lua_State* lua, const Item& item, const char* operation);

}  // namespace ipcrun::lua
