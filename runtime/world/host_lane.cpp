// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_lane.hpp"

namespace ipcrun {

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
    steps_.send({&part, 1}, holders_.holder(lane_, to), tag_ + tag);
}

void HostLane::receive(const Part& part, int from, int tag) {
    steps_.receive({&part, 1}, holders_.holder(lane_, from), tag_ + tag);
}

std::size_t HostLane::eager_bytes_max() const {
    return RemoteMailbox::eager_bytes_max;
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
