// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What ranks say to each other about queues that have their memory on another host.
///
/// A call goes to the rank that serves queues, with tag 0, and its answer comes back with the
/// call's number as its tag. A write or a read in vain may be noted there; then a second message
/// comes with this number, once it is worth another try: the wake-up. So nothing is ever sent that
/// nobody has asked for, and an item leaves its queue only as the answer to who takes it.

#include <cstdint>
#include <optional>
#include <string>

#include "base/error.hpp"
#include "runtime/message.hpp"
#include "runtime/queue_status.hpp"

namespace ipcrun {

/// The rank that serves the queues, for ranks on other hosts than its own.
constexpr int queue_server_rank = 0;
constexpr int queue_call_tag = 0;

enum class QueueCallKind : std::uint32_t {
    open,          ///< `number`: the capacity; the name follows
    release,       ///< no answer: this process has the queue no more
    write,         ///< the item follows. `number` is 1: a wake-up is wanted when it is in vain
    find_room,     ///< what a write would be; the same of `number`
    read,          ///< the same of `number`; the item follows the answer
    close,         ///< answered like `look`
    look,          ///< how the queue stands
    stop_writing,  ///< no answer: the wake-up for the call `number` is not wanted any more. It
    stop_reading,  ///< comes all the same, at once where it has not come yet
};

/// In front of a call; little-endian, as all of it.
struct QueueCall {
    QueueCallKind kind = QueueCallKind::look;
    std::uint32_t id = 0;     ///< its number, from 1; of one without an answer: 0
    std::uint32_t queue = 0;  ///< as the answer to `open` says
    std::uint32_t zero = 0;
    std::uint64_t number = 0;
};

/// In front of an answer: of a size that leaves the item behind it aligned.
struct QueueAnswer {
    QueueOutcome outcome = QueueOutcome::done;
    QueueStatus status = QueueStatus::open;  ///< of the queue, after it
    std::uint8_t is_error = 0;               ///< the text follows
    std::uint8_t zero = 0;
    std::uint32_t error = 0;  ///< an ErrorCode
    std::uint32_t system_errno = 0;
    std::uint32_t queue = 0;  ///< of `open`
    std::uint64_t items = 0;
    std::uint64_t nonce = 0;  ///< of `open`: what the queue is known by
    std::uint64_t unused[4] = {};
};
static_assert(sizeof(QueueCall) == 24 && sizeof(QueueAnswer) == 64);

/// What stands in front of a message. Throws Error{protocol} where it makes no sense.
QueueCall read_queue_call(const Message& message);
QueueAnswer read_queue_answer(const Message& message);
/// What follows it, as text.
std::string text_after(const Message& message, std::size_t head_bytes);

/// An item of so many bytes is sent once there seems to be room for it.
constexpr std::size_t unasked_item_bytes_max = (32 << 10) - sizeof(QueueCall);

}  // namespace ipcrun
