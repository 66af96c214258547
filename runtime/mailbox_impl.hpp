// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a mailbox is made of. Known to mailbox.cpp and message_requests.cpp.

#include <memory>
#include <vector>

#include "runtime/inbox.hpp"
#include "runtime/lookout.hpp"
#include "runtime/mailbox.hpp"
#include "runtime/outbox.hpp"
#include "runtime/standoff.hpp"

namespace ipcrun {

/// A started operation, until it is done.
class MessageRequest;

struct Mailbox::Impl {
    Lookout lookout;
    Outbox outbox;
    Inbox inbox;
    std::vector<Sending*> offered;                          // of senders that wait, and of requests
    std::vector<std::shared_ptr<MessageRequest>> requests;  // shared: with those who started them

    explicit Impl(Group& group) : lookout(group), outbox(lookout), inbox(lookout) {}

    /// So that nothing can fail between the publication of what is started and its listing here.
    void make_room();
    /// Lets go of an offer, when its receiver is done with what it took of it.
    void end(Sending& sending);

    /// Throws Error{usage}.
    void check_call(const MessageCall& call) const;

    /// Goes on with what was started, until `wanted` (may be null) is done.
    void advance(const Receiving* wanted);
    bool can_advance(int source) const;
    /// A receiver has left: what was offered to it is done with an error.
    void fail_forsaken(Sending& sending);
    void fail_forsaken(Receiving& receiving);
    /// This member and the receiver wait in sends to each other: done with an error.
    void fail_stuck(Sending& sending, Standoff& standoff);

    /// Wait until it is done (maybe with an error): true; false when the deadline passes.
    bool wait(Sending& sending, Deadline deadline, Standoff* standoff = nullptr);
    bool wait(Receiving& receiving, Deadline deadline);
    void receive(Receiving& receiving, Deadline deadline);
    void drop_done();
};

/// The errors of the communicator speak of this call while it lives.
class CallScope {
  public:
    CallScope(Lookout& lookout, const MessageCall& call) : lookout_(lookout) {
        lookout.begin(call);
    }
    ~CallScope() { lookout_.end(); }
    CallScope(const CallScope&) = delete;

  private:
    Lookout& lookout_;
};

}  // namespace ipcrun
