// SPDX-License-Identifier: Apache-2.0
#include "runtime/message_carrier.hpp"

#include "base/fail.hpp"

namespace ipcrun {

class CommunicatorCarrier::Started final : public MessageCarrier::Sending {
  public:
    Started(Request request, int to, Deadline deadline)
        : request_(std::move(request)), to_(to), deadline_(deadline) {}
    void wait() override {
        if (!request_.wait(deadline_))
            throw Error(ErrorCode::timeout, fmt::format("timed out sending to rank {}", to_), 0,
                        to_);
    }

  private:
    Request request_;
    int to_;
    Deadline deadline_;
};

const std::byte* CommunicatorCarrier::take(const Part& shape, int from, int tag) {
    if (shape.bytes() <= copied_bytes_max) {
        receive({copied_, shape.count, shape.dtype}, from, tag);
        return copied_;
    }
    taken_ = communicator_.receive_message(from, tag, deadline_);
    const Envelope& envelope = taken_.envelope;
    if (envelope.bytes != shape.bytes() || envelope.dtype != shape.dtype)
        fail(ErrorCode::mismatch, "rank {} sends {} bytes of {}; {} bytes of {} are expected", from,
             envelope.bytes, name_of(envelope.dtype), shape.bytes(), name_of(shape.dtype));
    return taken_.storage->data();
}

std::unique_ptr<MessageCarrier::Sending> CommunicatorCarrier::start_send(const Part& part, int to,
                                                                         int tag) {
    return std::make_unique<Started>(communicator_.start_send({&part, 1}, to, tag), to, deadline_);
}

}  // namespace ipcrun
