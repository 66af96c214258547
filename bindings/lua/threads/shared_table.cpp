// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/shared_table.hpp"

#include <algorithm>
#include <cstring>
#include <functional>
#include <utility>

namespace ipcrun::lua {

namespace {

std::size_t bytes_of(const Item& item) {
    const auto& contents = item.contents();
    if (contents == nullptr) return 0;
    return sizeof(ItemContents) + contents->text.capacity() + contents->tokens.capacity() +
           contents->tensors.capacity() * sizeof(Tensor) +
           contents->storages.capacity() * sizeof(StoragePtr) +
           contents->handles.capacity() * sizeof(Holder);
}

bool same_value(const SmallValue& a, const SmallValue& b) {
    if (a.tag != b.tag) return false;
    if (a.tag == Tag::integer) return a.integer == b.integer;
    if (a.tag == Tag::number) return a.number == b.number;
    return a.length == b.length && std::memcmp(a.text, b.text, a.length) == 0;
}

std::size_t bytes_of(const Key& key) {
    return sizeof(Key) + sizeof(Item) + 2 * sizeof(void*) + key.text.size();
}

}  // namespace

Key::Key(const KeyView& view, Holder holder)
    : kind(view.kind),
      integer(view.integer),
      number(view.number),
      text(view.text),
      object(std::move(holder)) {}

KeyView Key::view() const {
    return {
        .kind = kind, .integer = integer, .number = number, .text = text, .object = object.get()};
}

std::size_t SharedTable::Hash::operator()(const KeyView& key) const {
    switch (key.kind) {
        case KeyKind::boolean:
        case KeyKind::integer:
            return std::hash<std::int64_t>()(key.integer);
        case KeyKind::number:
            return std::hash<double>()(key.number);
        case KeyKind::text:
            return std::hash<std::string_view>()(key.text);
        case KeyKind::object:
            return std::hash<const void*>()(key.object);
    }
    return 0;
}

Item SharedTable::get(const KeyView& key) const {
    const std::lock_guard lock(mutex_);
    const auto found = entries_.find(key);
    return found == entries_.end() ? Item() : found->second;
}

// What was there, to be let go of outside the lock: its end may be that of other objects, or of
// much memory. With the lock held.
Item SharedTable::exchange(Key key, Item item) {
    const std::size_t key_bytes = bytes_of(key);
    auto found = entries_.find(key.view());
    Item before = found == entries_.end() ? Item() : found->second;
    if (!item) {
        if (before) entries_.erase(found);
    } else if (before) {
        found->second = item;
    } else {
        entries_.emplace(std::move(key), item);
    }
    if (item) bytes_ += key_bytes + bytes_of(item);
    if (before) bytes_ -= key_bytes + bytes_of(before);
    return before;
}

void SharedTable::put(Key key, Item item) {
    Item before;
    // The key in the table may be the last holder of its object: that waits for the end, too.
    const Holder object = key.object;
    const std::lock_guard lock(mutex_);
    before = exchange(std::move(key), std::move(item));
}

bool SharedTable::swap(Key key, const Item& expected, const Item& other, Item item, Item& found) {
    Item before;
    const Holder object = key.object;
    const std::lock_guard lock(mutex_);
    const auto at = entries_.find(key.view());
    Item current = at == entries_.end() ? Item() : at->second;
    if (!contents_equal(current, expected) && (!other || !contents_equal(current, other))) {
        found = std::move(current);
        return false;
    }
    before = exchange(std::move(key), std::move(item));
    return true;
}

std::size_t SharedTable::size() const {
    const std::lock_guard lock(mutex_);
    return entries_.size();
}

std::vector<Key> SharedTable::keys() const {
    std::vector<Key> keys;
    {
        const std::lock_guard lock(mutex_);
        keys.reserve(entries_.size());
        for (const auto& [key, item] : entries_) keys.push_back(key);
    }
    std::sort(keys.begin(), keys.end(), [](const Key& a, const Key& b) {
        const bool a_is_integer = a.kind == KeyKind::integer;
        const bool b_is_integer = b.kind == KeyKind::integer;
        return a_is_integer && (!b_is_integer || a.integer < b.integer);
    });
    return keys;
}

std::size_t SharedTable::bytes() const {
    const std::lock_guard lock(mutex_);
    return sizeof *this + bytes_ + entries_.bucket_count() * sizeof(void*);
}

void SharedTable::clear() {
    Entries taken;  // let go of outside the lock
    const std::lock_guard lock(mutex_);
    taken.swap(entries_);
    bytes_ = 0;
}

bool contents_equal(const Item& a, const Item& b) {
    if (a.small() != nullptr && b.small() != nullptr) return same_value(*a.small(), *b.small());
    if (a.contents() == nullptr || b.contents() == nullptr) return !a && !b;
    const ItemContents& one_side = *a.contents();
    const ItemContents& other_side = *b.contents();
    const auto same_objects = [](const Holder& one, const Holder& two) {
        return one.get() == two.get();
    };
    return one_side.text == other_side.text && one_side.is_text == other_side.is_text &&
           one_side.tokens == other_side.tokens && one_side.tensors.empty() &&
           other_side.tensors.empty() && one_side.storages.empty() && other_side.storages.empty() &&
           std::equal(one_side.handles.begin(), one_side.handles.end(), other_side.handles.begin(),
                      other_side.handles.end(), same_objects);
}

}  // namespace ipcrun::lua
