// SPDX-License-Identifier: Apache-2.0
#include "runtime/message_steps.hpp"

#include <array>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

// Shorter messages are copied out of their stream, longer ones read where their sender put them.
constexpr std::size_t copied_bytes_max = 2048;

// A send of more may have to wait until its receiver comes for it, see Communicator::send: not
// before one's own receiver, then.
constexpr std::size_t eager_bytes_max = 16 << 20;

}  // namespace

Part MessageSteps::part_of(Range range) const {
    return {static_cast<std::byte*>(part_.data) + range.begin * element_bytes(), range.count(),
            part_.dtype};
}

void MessageSteps::send(Range range, int to, int tag) {
    if (range.count() == 0) return;
    const Part part = part_of(range);
    communicator_.send({&part, 1}, to, tag, deadline_);
}

void MessageSteps::receive(Range range, int from, int tag) {
    if (range.count() == 0) return;
    const Part part = part_of(range);
    communicator_.receive({&part, 1}, from, tag, deadline_);
}

// One of many bytes, which stay where its sender put them.
Message MessageSteps::take(Range range, int from, int tag) {
    Message message = communicator_.receive_message(from, tag, deadline_);
    const Envelope& envelope = message.envelope;
    if (envelope.bytes != range.count() * element_bytes() || envelope.dtype != part_.dtype)
        fail(ErrorCode::mismatch, "rank {} sends {} bytes of {}; {} bytes of {} are expected", from,
             envelope.bytes, name_of(envelope.dtype), range.count() * element_bytes(),
             name_of(part_.dtype));
    return message;
}

void MessageSteps::combine(Range range, int from, int tag, Order order) {
    if (range.count() == 0) return;
    if (range.count() * element_bytes() > copied_bytes_max)
        return combine_with(range, take(range, from, tag).storage->data(), order);
    alignas(64) std::array<std::byte, copied_bytes_max> theirs;
    const Part part{theirs.data(), range.count(), part_.dtype};
    communicator_.receive({&part, 1}, from, tag, deadline_);
    combine_with(range, theirs.data(), order);
}

void MessageSteps::combine_with(Range range, const std::byte* theirs, Order order) {
    ipcrun::combine(op_, part_of(range), theirs, order);
}

bool MessageSteps::is_long(Range range) const {
    return range.count() * element_bytes() > eager_bytes_max;
}

Request MessageSteps::start_send(Range range, int to, int tag) {
    const Part part = part_of(range);
    return communicator_.start_send({&part, 1}, to, tag);
}

void MessageSteps::wait_until_sent(Request& sent, int to) {
    if (!sent.wait(deadline_))
        throw Error(ErrorCode::timeout, fmt::format("timed out sending to rank {}", to), 0, to);
}

void MessageSteps::send_and_receive(Range out, int to, Range in, int from, int tag) {
    if (!is_long(out)) {
        send(out, to, tag);
        return receive(in, from, tag);
    }
    Request sent = start_send(out, to, tag);
    receive(in, from, tag);
    wait_until_sent(sent, to);
}

void MessageSteps::send_and_combine(Range out, int to, Range in, int from, int tag, Order order) {
    if (!is_long(out)) {
        send(out, to, tag);
        return combine(in, from, tag, order);
    }
    Request sent = start_send(out, to, tag);
    const Message theirs = take(in, from, tag);
    wait_until_sent(sent, to);  // from memory that is written now
    combine_with(in, theirs.storage->data(), order);
}

void MessageSteps::finish(Range range) {
    finish_combination(op_, part_of(range), size());
}

}  // namespace ipcrun
