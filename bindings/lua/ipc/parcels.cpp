// SPDX-License-Identifier: Apache-2.0
#include "base/fail.hpp"
#include "bindings/lua/ipc/exchange.hpp"

namespace ipcrun::lua {

void Parcels::lay_out() {
    rooms_.clear();
    starts_.clear();
    std::size_t at = 0;
    for (const std::int64_t length : lengths_) {
        // A parcel of another rank is no larger than what memory can hold.
        if (length < 0 || length > std::int64_t(1) << 46)
            fail(ErrorCode::protocol, "a value of {} bytes was announced", length);
        const std::size_t room = (static_cast<std::size_t>(length) + parcel_alignment - 1) /
                                 parcel_alignment * parcel_alignment;
        starts_.push_back(at);
        rooms_.push_back(room);
        at += room;
    }
    starts_.push_back(at);
}

void Parcels::make_room(const std::shared_ptr<Heap>& heap) {
    lay_out();
    storage_ = Storage::create(heap, Dtype::u8, starts_.back());
}

void Parcels::assemble(const std::vector<const Outgoing*>& values,
                       const std::shared_ptr<Heap>& heap) {
    lengths_.clear();
    for (const Outgoing* value : values)
        lengths_.push_back(static_cast<std::int64_t>(value->bytes()));
    make_room(heap);
    for (std::size_t i = 0; i < values.size(); ++i)
        values[i]->copy_to(storage_->data() + starts_[i]);
}

void Parcels::open(std::size_t index, Incoming& incoming, const std::shared_ptr<Heap>& heap) const {
    incoming.open(storage_, starts_[index], static_cast<std::size_t>(lengths_[index]), heap);
}

}  // namespace ipcrun::lua
