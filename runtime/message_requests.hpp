// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Messages as requests.

#include <span>

#include "runtime/kept_parts.hpp"
#include "runtime/mailbox_impl.hpp"

namespace ipcrun {

/// A started send or receive, with copies of what its caller lent for the call.
class MessageRequest : public Request::State {
  public:
    MessageRequest(Mailbox::Impl& mailbox, std::span<const Part> parts, CallSite site);
    virtual bool is_done() const = 0;
    /// The communicator is going.
    void close() { mailbox_ = nullptr; }

  protected:
    /// Throws Error{usage} when it is gone.
    Mailbox::Impl& mailbox() const;
    KeptParts kept_;

  private:
    Mailbox::Impl* mailbox_;
};

class SendRequest final : public MessageRequest {
  public:
    SendRequest(Mailbox::Impl& mailbox, std::span<const Part> parts, int to, int tag,
                CallSite site);
    void start();
    bool is_done() const override { return sending_.done; }
    bool test() override;
    bool wait(Deadline deadline) override;

  private:
    bool check_done();
    Sending sending_;
};

class ReceiveRequest final : public MessageRequest {
  public:
    ReceiveRequest(Mailbox::Impl& mailbox, std::span<const Part> parts, int from, int tag,
                   CallSite site);
    void start();
    bool is_done() const override { return receiving_.done; }
    bool test() override;
    bool wait(Deadline deadline) override;

  private:
    bool check_done();
    Receiving receiving_;
};

}  // namespace ipcrun
