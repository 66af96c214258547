// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/remote_receiving.hpp"

#include <cstring>

#include "base/fail.hpp"
#include "runtime/hosts/remote_context.hpp"

namespace ipcrun {

std::string RemoteWish::describe() const {
    const std::string who = from == any_source ? "any rank" : fmt::format("rank {}", from);
    const std::string what = tag == any_tag ? "any tag" : fmt::format("tag {}", tag);
    return fmt::format("receive(from {}, {})", who, what);
}

RemoteReceiving::RemoteReceiving(std::mutex& mutex, const ForkGuard& guard, RemoteContext& context,
                                 const RemoteWish& wish, std::optional<std::span<const Part>> parts)
    : mutex_(mutex),
      guard_(guard),
      context_(context),
      wish_(wish),
      takes_any_size_(!parts),
      parts_(parts ? std::vector<Part>(parts->begin(), parts->end()) : std::vector<Part>()),
      shape_(parts_, true) {}

RemoteReceiving::~RemoteReceiving() {
    // The child's copy of the mutex may be held by a thread that it does not have.
    if (!guard_.is_ours()) return;
    // Also when it is done: whoever finished it may still be at it.
    const std::lock_guard lock(mutex_);
    context_.drop(*this);
}

std::optional<Error> RemoteReceiving::mismatch(const Envelope& envelope) const {
    if (takes_any_size_ ||
        (shape_.bytes == envelope.bytes && (shape_.bytes == 0 || shape_.dtype == envelope.dtype)))
        return std::nullopt;
    return Error(ErrorCode::mismatch,
                 fmt::format("{}: the message of rank {}, tag {}, has {} bytes of {}, and {} bytes "
                             "of {} were to be received",
                             wish_.describe(), envelope.source, envelope.tag, envelope.bytes,
                             name_of(envelope.dtype), shape_.bytes, name_of(shape_.dtype)),
                 0, envelope.source);
}

void RemoteReceiving::finish(const Envelope& envelope, std::span<const std::byte> body) {
    if (takes_any_size_) {
        storage_ = Storage::create(nullptr, envelope.dtype, body.size() / size_of(envelope.dtype));
        if (!body.empty()) std::memcpy(storage_->data(), body.data(), body.size());
    } else {
        scatter(body.data(), parts_);
    }
    envelope_ = envelope;
    counted.end();
    is_done_.store(true, std::memory_order_release);
}

void RemoteReceiving::finish(const Envelope& envelope, RemoteMessage& message) {
    if (takes_any_size_)
        storage_ = std::move(message.storage);
    else if (message.storage)
        scatter(message.storage->data(), parts_);
    envelope_ = envelope;
    counted.end();
    is_done_.store(true, std::memory_order_release);
}

void RemoteReceiving::fail(const Error& error) {
    error_ = error;
    counted.end();
    is_done_.store(true, std::memory_order_release);
}

void RemoteReceiving::await(RemoteMessage& message) {
    if (message.storage) return;
    if (takes_any_size_)
        message.keep();
    else
        message.target.emplace(parts_);
}

}  // namespace ipcrun
