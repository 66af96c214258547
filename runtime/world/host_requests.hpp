// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Messages of a communicator of several hosts as requests.

#include <memory>
#include <optional>
#include <span>

#include "runtime/kept_parts.hpp"
#include "runtime/world/host_receive.hpp"

namespace ipcrun {

/// With copies of what its caller lent for the call.
class HostRequest : public Request::State {
  public:
    HostRequest(HostMessages& messages, std::span<const Part> parts, CallSite site)
        : kept_(parts, site), messages_(&messages) {}
    bool test() override;
    bool wait(Deadline deadline) override;

    /// Is it done? Then it needs the communicator no more.
    bool settle();
    /// The communicator is going.
    void close();

  protected:
    virtual bool is_over() const = 0;
    virtual std::optional<Error> error() const = 0;  ///< once it is over
    /// Lets go of what it has of the communicator.
    virtual void drop() = 0;

    HostMessages& messages() const;
    KeptParts kept_;

  private:
    bool check();

    HostMessages* messages_;
    bool is_settled_ = false;
    std::optional<Error> error_;
};

class HostSendRequest final : public HostRequest {
  public:
    HostSendRequest(HostMessages& messages, const MessageCall& call, std::span<const Part> parts);

  private:
    bool is_over() const override { return sending_->is_done(); }
    std::optional<Error> error() const override;
    void drop() override { sending_.reset(); }
    std::unique_ptr<RemoteMailbox::Sending> sending_;
};

class HostReceiveRequest final : public HostRequest {
  public:
    HostReceiveRequest(HostMessages& messages, const MessageCall& call,
                       std::span<const Part> parts);
    ~HostReceiveRequest() override { drop(); }

  private:
    bool is_over() const override { return receive_->is_done(); }
    std::optional<Error> error() const override { return receive_->error(); }
    void drop() override;
    std::optional<HostReceive> receive_;
};

}  // namespace ipcrun
