// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What carries the messages of an allreduce: a communicator, or one lane between hosts.

#include <cstddef>
#include <memory>

#include "runtime/communicator.hpp"

namespace ipcrun {

/// One member's end of it; it carries no other messages. Members are numbered from 0. Calls block,
/// with a deadline that the carrier knows, and throw Error as Communicator::send and receive do.
/// Messages between two members with equal tags arrive in order.
class MessageCarrier {
  public:
    virtual ~MessageCarrier() = default;
    virtual int rank() const = 0;
    virtual int size() const = 0;

    virtual void send(const Part& part, int to, int tag) = 0;
    virtual void receive(const Part& part, int from, int tag) = 0;
    /// Receives as many elements as `shape` has, of its dtype: where they lie until the next call.
    /// They are aligned for any element.
    virtual const std::byte* take(const Part& shape, int from, int tag) = 0;

    /// A message on its way: what it borrows is free when wait() returns, or it is dropped.
    class Sending {
      public:
        virtual ~Sending() = default;
        virtual void wait() = 0;
    };
    virtual std::unique_ptr<Sending> start_send(const Part& part, int to, int tag) = 0;
    /// A send of more may have to wait until its receiver comes for it: not before one's own
    /// receiver, then.
    virtual std::size_t eager_bytes_max() const = 0;
};

/// Of a communicator that has no other messages, and outlives it.
class CommunicatorCarrier final : public MessageCarrier {
  public:
    CommunicatorCarrier(Communicator& communicator, Deadline deadline)
        : communicator_(communicator), deadline_(deadline) {}

    int rank() const override { return communicator_.rank(); }
    int size() const override { return communicator_.size(); }
    void send(const Part& part, int to, int tag) override {
        communicator_.send({&part, 1}, to, tag, deadline_);
    }
    void receive(const Part& part, int from, int tag) override {
        communicator_.receive({&part, 1}, from, tag, deadline_);
    }
    const std::byte* take(const Part& shape, int from, int tag) override;
    std::unique_ptr<Sending> start_send(const Part& part, int to, int tag) override;
    std::size_t eager_bytes_max() const override { return 16 << 20; }

  private:
    class Started;
    // Shorter messages are copied out of their stream, longer ones read where their sender put
    // them.
    static constexpr std::size_t copied_bytes_max = 2048;

    Communicator& communicator_;
    Deadline deadline_;
    Message taken_;
    alignas(64) std::byte copied_[copied_bytes_max];
};

}  // namespace ipcrun
