// SPDX-License-Identifier: Apache-2.0
#include "runtime/message_steps.hpp"

namespace ipcrun {

Part MessageSteps::part_of(Range range) const {
    return {static_cast<std::byte*>(part_.data) + range.begin * element_bytes(), range.count(),
            part_.dtype};
}

bool MessageSteps::is_long(Range range) const {
    return range.count() * element_bytes() > carrier_.eager_bytes_max();
}

void MessageSteps::send(Range range, int to, int tag) {
    if (range.count() != 0) carrier_.send(part_of(range), to, tag);
}

void MessageSteps::receive(Range range, int from, int tag) {
    if (range.count() != 0) carrier_.receive(part_of(range), from, tag);
}

void MessageSteps::combine(Range range, int from, int tag, Order order) {
    if (range.count() == 0) return;
    const Part mine = part_of(range);
    ipcrun::combine(op_, mine, carrier_.take(mine, from, tag), order);
}

void MessageSteps::send_and_receive(Range out, int to, Range in, int from, int tag) {
    if (!is_long(out)) {
        send(out, to, tag);
        return receive(in, from, tag);
    }
    const auto sent = carrier_.start_send(part_of(out), to, tag);
    receive(in, from, tag);
    sent->wait();
}

void MessageSteps::send_and_combine(Range out, int to, Range in, int from, int tag, Order order) {
    if (!is_long(out)) {
        send(out, to, tag);
        return combine(in, from, tag, order);
    }
    const auto sent = carrier_.start_send(part_of(out), to, tag);
    const Part mine = part_of(in);
    const std::byte* theirs = mine.count == 0 ? nullptr : carrier_.take(mine, from, tag);
    sent->wait();  // from memory that is written now
    if (theirs != nullptr) ipcrun::combine(op_, mine, theirs, order);
}

void MessageSteps::finish(Range range) {
    finish_combination(op_, part_of(range), values_);
}

}  // namespace ipcrun
