// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A message on its way to a rank on another host.

#include <atomic>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "runtime/hosts/frame.hpp"
#include "runtime/hosts/remote_counts.hpp"
#include "runtime/hosts/remote_mailbox.hpp"
#include "runtime/parts.hpp"

namespace ipcrun {

class HostPeer;

class RemoteSending final : public RemoteMailbox::Sending {
  public:
    enum class Stage {
        held,       ///< there is no room for it at the receiver
        announced,  ///< and not asked for yet
        leaving,    ///< the receiver has asked for it
        over,       ///< it is done, or has failed
    };

    /// Throws Error{usage} for strides that make no sense.
    RemoteSending(RemotePeers::Impl& net, std::span<const Part> parts, int to, int tag,
                  std::uint32_t context);
    ~RemoteSending() override;

    bool is_done() const override { return is_done_.load(std::memory_order_acquire); }
    const Error* error() const override { return error_ ? &*error_ : nullptr; }
    /// "send(to rank 3, tag 7)".
    std::string describe() const;
    bool is_long() const { return frame.bytes > host_eager_bytes_max; }

    // For its peer, under the mutex.

    void finish();
    void fail(const Error& why);
    /// It cannot be done at once: the array of parts is the caller's.
    void keep(std::span<const Part> parts);
    std::span<const Part> kept() const { return kept_; }

    HostFrame frame;
    Stage stage = Stage::over;
    HostPeer* peer = nullptr;  ///< that knows of it, or has

  private:
    RemotePeers::Impl& net_;
    int to_;
    std::vector<Part> kept_;
    bool is_known_ = false;
    Counted under_way_;
    std::optional<Error> error_;
    std::atomic<bool> is_done_ = false;
};

}  // namespace ipcrun
