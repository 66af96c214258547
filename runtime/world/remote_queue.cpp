// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/remote_queue.hpp"

#include "base/fail.hpp"
#include "runtime/parts.hpp"

namespace ipcrun {

RemoteQueue::RemoteQueue(std::shared_ptr<QueueClient> client, std::string name,
                         std::uint64_t capacity)
    : client_(std::move(client)), name_(std::move(name)), capacity_(capacity) {
    QueueCall call;
    call.kind = QueueCallKind::open;
    call.number = capacity;
    const Part text{const_cast<char*>(name_.data()), name_.size(), Dtype::u8};
    const auto opened = client_->ask(call, {&text, 1}, name_);
    number_ = opened.head.queue;
    nonce_ = opened.head.nonce;
}

RemoteQueue::~RemoteQueue() {
    if (!client_->is_ours()) return;
    try {
        client_->tell(call_of(QueueCallKind::release));
    } catch (const std::exception&) {
        // There is no memory: it is given back when this rank ends.
    }
}

QueueCall RemoteQueue::call_of(QueueCallKind kind) const {
    QueueCall call;
    call.kind = kind;
    call.queue = number_;
    return call;
}

bool RemoteQueue::may(const Line& line) const {
    const auto is_free = [&line] {
        const std::lock_guard lock(line.mutex);
        return line.wake_up == nullptr || line.wake_up->is_done();
    };
    if (is_free()) return true;
    // Who asks is about to sleep.
    client_->look();
    return is_free();
}

// A try. In vain, it has a wake-up to wait for, which serves all threads of this process.
QueueClient::Answered RemoteQueue::ask(Line& line, QueueCallKind kind,
                                       std::span<const Part> parts) {
    QueueCall call = call_of(kind);
    {
        const std::lock_guard lock(line.mutex);
        if (line.wake_up != nullptr && line.wake_up->is_done()) line.wake_up.reset();
        call.number = line.wake_up == nullptr ? 1 : 0;
    }
    auto answered = client_->ask(call, parts, name_);
    if (answered.head.outcome == QueueOutcome::would_wait && call.number == 1) {
        auto wake_up = client_->await_wake_up(answered.id);
        const std::lock_guard lock(line.mutex);
        line.wake_up = std::move(wake_up);
        line.wake_up_id = answered.id;
    }
    return answered;
}

QueueOutcome RemoteQueue::try_write(std::span<const Part> parts) {
    client_->check_ours(name_);
    const std::lock_guard turn(writing_.turn);
    if (PartsShape(parts, false).bytes > unasked_item_bytes_max) {
        const auto asked = ask(writing_, QueueCallKind::find_room, {});
        if (asked.head.outcome != QueueOutcome::done) return asked.head.outcome;
    }
    return ask(writing_, QueueCallKind::write, parts).head.outcome;
}

QueueOutcome RemoteQueue::try_read(StoragePtr& item, QueueStatus& after) {
    client_->check_ours(name_);
    const std::lock_guard turn(reading_.turn);
    const auto answered = ask(reading_, QueueCallKind::read, {});
    if (answered.head.outcome == QueueOutcome::done) {
        after = answered.head.status;
        item = Storage::slice(answered.message.storage, sizeof(QueueAnswer), Dtype::u8,
                              answered.message.envelope.bytes - sizeof(QueueAnswer));
    }
    return answered.head.outcome;
}

// Others of this process may wait for the same wake-up: they look again, and get one of their own.
void RemoteQueue::leave(Line& line, QueueCallKind kind) {
    if (!client_->is_ours()) return;
    std::unique_ptr<Receiving> wake_up;
    QueueCall call = call_of(kind);
    {
        const std::lock_guard lock(line.mutex);
        if (line.wake_up == nullptr) return;
        wake_up = std::move(line.wake_up);
        call.number = line.wake_up_id;
    }
    client_->tell(call);
    if (!wake_up->is_done()) client_->disregard(std::move(wake_up));
    client_->bell().ring_all();
}

QueueAnswer RemoteQueue::look(QueueCallKind kind) const {
    return client_->ask(call_of(kind), {}, name_).head;
}

void RemoteQueue::close() {
    (void)look(QueueCallKind::close);
}

QueueStatus RemoteQueue::status() const {
    return look(QueueCallKind::look).status;
}

std::uint64_t RemoteQueue::items() const {
    return look(QueueCallKind::look).items;
}

SharedQueue::Reference RemoteQueue::reference() const {
    Reference reference;
    reference.nonce = nonce_;
    return reference;
}

}  // namespace ipcrun
