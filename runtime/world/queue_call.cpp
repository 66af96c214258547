// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/queue_call.hpp"

#include <cstring>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

template <typename Head>
Head read_head(const Message& message) {
    Head head;
    if (message.envelope.bytes < sizeof head)
        fail(ErrorCode::protocol, "queues between hosts: a message of {} bytes from rank {}",
             message.envelope.bytes, message.envelope.source);
    std::memcpy(&head, message.storage->data(), sizeof head);
    return head;
}

[[noreturn]] void fail_nonsense(const Message& message) {
    fail(ErrorCode::protocol, "queues between hosts: what rank {} says makes no sense",
         message.envelope.source);
}

}  // namespace

QueueCall read_queue_call(const Message& message) {
    const auto call = read_head<QueueCall>(message);
    if (call.kind > QueueCallKind::stop_reading || call.id > 0x7fff'ffff) fail_nonsense(message);
    return call;
}

QueueAnswer read_queue_answer(const Message& message) {
    const auto answer = read_head<QueueAnswer>(message);
    if (answer.outcome > QueueOutcome::refused || answer.status > QueueStatus::drained ||
        answer.error > static_cast<std::uint32_t>(ErrorCode::internal))
        fail_nonsense(message);
    return answer;
}

std::string text_after(const Message& message, std::size_t head_bytes) {
    return {reinterpret_cast<const char*>(message.storage->data()) + head_bytes,
            message.envelope.bytes - head_bytes};
}

}  // namespace ipcrun
