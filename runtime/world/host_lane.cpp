// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_lane.hpp"

#include <algorithm>
#include <cstdlib>

namespace ipcrun {

namespace {

// A long message costs a round trip before it comes, and a receiver who is awake for it. So up to
// here one goes as several short ones, which cost a copy in the cache of the receiver.
const std::size_t eager_pieces_max = std::getenv("AR_CUT") ? std::atol(std::getenv("AR_CUT")) : 0;

// Whole elements, as its length is a power of two.
constexpr std::size_t piece_bytes = RemoteMailbox::eager_bytes_max;

template <typename Work>
void for_each_message(const Part& part, Work work) {
    const std::size_t bytes = part.bytes();
    if (bytes > eager_pieces_max * piece_bytes) return work(part);
    const std::size_t count = piece_bytes / size_of(part.dtype);
    for (std::size_t first = 0; first < part.count; first += count)
        work(Part{static_cast<std::byte*>(part.data) + first * size_of(part.dtype),
                  std::min(count, part.count - first), part.dtype});
}

}  // namespace

class HostLane::Started final : public MessageCarrier::Sending {
  public:
    Started(HostSteps& steps, const Part& part, int to, int tag)
        : steps_(steps), part_(part), to_(to), sending_(steps.start_send({&part_, 1}, to, tag)) {}
    void wait() override { steps_.wait(*sending_, to_); }

  private:
    HostSteps& steps_;
    Part part_;  // which the message names until it is done
    int to_;
    HostSteps::SendingPtr sending_;
};

void HostLane::send(const Part& part, int to, int tag) {
    for_each_message(part, [&](const Part& message) {
        steps_.send({&message, 1}, holders_.holder(lane_, to), tag_ + tag);
    });
}

void HostLane::receive(const Part& part, int from, int tag) {
    for_each_message(part, [&](const Part& message) {
        steps_.receive({&message, 1}, holders_.holder(lane_, from), tag_ + tag);
    });
}

std::size_t HostLane::eager_bytes_max() const {
    return std::max<std::size_t>(eager_pieces_max, 1) * piece_bytes;
}

const std::byte* HostLane::take(const Part& shape, int from, int tag) {
    if (room_.size() < shape.bytes()) room_.resize(shape.bytes());
    receive({room_.data(), shape.count, shape.dtype}, from, tag);
    return room_.data();
}

std::unique_ptr<MessageCarrier::Sending> HostLane::start_send(const Part& part, int to, int tag) {
    return std::make_unique<Started>(steps_, part, holders_.holder(lane_, to), tag_ + tag);
}

}  // namespace ipcrun
