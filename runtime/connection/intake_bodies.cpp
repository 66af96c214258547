// SPDX-License-Identifier: Apache-2.0
// Where the bodies of messages go, and the messages that wait.
#include <algorithm>
#include <cstring>
#include <new>

#include "base/fail.hpp"
#include "runtime/connection/intake.hpp"

namespace ipcrun {

Inbound* Intake::first(int tag) {
    const auto queue = queues_.find(tag);
    return queue == queues_.end() || queue->second.empty() ? nullptr : queue->second.front().get();
}

std::size_t Intake::remove_first(int tag) {
    auto& queue = queues_.at(tag);
    const std::size_t bytes = link_lag_bytes_of(queue.front()->header);
    lag_bytes_ -= bytes;
    queue.pop_front();
    return bytes;
}

void Intake::drop_offer() {
    if (offer_ == nullptr) return;
    // It is the last with its tag: whoever waits in a send sends nothing else.
    queues_.at(static_cast<int>(offer_->header.tag)).pop_back();
    offer_ = nullptr;
}

Inbound* Intake::undecided() const {
    return current_ != nullptr && target_ == nullptr && !current_->storage ? current_ : nullptr;
}

void Intake::keep(Inbound& message) {
    if (!message.storage) {
        const auto dtype = Dtype(message.header.dtype);
        try {
            message.storage =
                Storage::create(nullptr, dtype, message.header.body_bytes / size_of(dtype));
        } catch (const std::bad_alloc&) {
            fail(ErrorCode::system, "receive a message of {} bytes: there is no memory for it",
                 message.header.body_bytes);
        }
    }
}

void Intake::leave_target() {
    if (target_ == nullptr) return;
    keep(*current_);
    target_->copy_to(current_->storage->data());
    target_ = nullptr;
}

void Intake::lead_to(Inbound& message, PartsTarget& target) {
    if (message.storage) {
        target.put({message.storage->data(), message.have_bytes});
        message.storage.reset();
    }
    if (&message == current_) target_ = &target;
}

void Intake::drop_incomplete() {
    if (current_ != nullptr) {
        auto& queue = queues_.at(static_cast<int>(current_->header.tag));
        lag_bytes_ -= link_lag_bytes_of(current_->header);
        std::erase_if(queue, [this](const auto& message) { return message.get() == current_; });
        current_ = nullptr;
        target_ = nullptr;
    }
    drop_offer();
}

std::size_t Intake::look(std::span<iovec> views) {
    if (target_ != nullptr) return target_->look(views);
    views[0] = {current_->storage->data() + current_->have_bytes,
                current_->header.body_bytes - current_->have_bytes};
    return 1;
}

void Intake::advance_body(std::size_t bytes) {
    // A piece of a strided part is unpacked as soon as it is there; the views may hold several
    // parts.
    if (target_ != nullptr) target_->advance(bytes);
    current_->have_bytes += bytes;
    if (!current_->is_complete()) return;
    current_ = nullptr;
    target_ = nullptr;
}

void Intake::take_buffered() {
    const std::size_t bytes =
        std::min(buffered(), current_->header.body_bytes - current_->have_bytes);
    const auto* const from = reinterpret_cast<const std::byte*>(buffer_.data() + begin_);
    begin_ += bytes;
    if (target_ == nullptr) {
        std::memcpy(current_->storage->data() + current_->have_bytes, from, bytes);
        return advance_body(bytes);
    }
    target_->put({from, bytes});
    current_->have_bytes += bytes;
    if (!current_->is_complete()) return;
    current_ = nullptr;
    target_ = nullptr;
}

}  // namespace ipcrun
