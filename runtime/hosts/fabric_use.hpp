// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What all peers of a rank have of its fabric together: who looks when, how one sleeps, and that
/// memory which the fabric may touch is never let go of.

#include <cstddef>
#include <memory>
#include <utility>

#include "base/fork_guard.hpp"
#include "base/unique_fd.hpp"
#include "runtime/hosts/fabric.hpp"
#include "runtime/hosts/poller.hpp"

namespace ipcrun {

/// All calls under the mutex of the peers.
class FabricUse {
  public:
    /// A transfer that is over before this is gone.
    class Flight {
      public:
        Flight(FabricUse& use, std::unique_ptr<Fabric::Transfer> transfer)
            : use_(use), transfer_(std::move(transfer)) {
            ++use_.flights_;
        }
        Flight(Flight&& other) noexcept : use_(other.use_), transfer_(std::move(other.transfer_)) {}
        ~Flight();
        bool is_over() const { return transfer_->is_over(); }
        bool has_failed() const { return is_over() && !transfer_->failure().empty(); }
        void cancel() { transfer_->cancel(); }
        /// Cancels it, and returns when it is over. One that does not end costs the endpoint.
        void stop();

      private:
        FabricUse& use_;
        std::unique_ptr<Fabric::Transfer> transfer_;
    };

    /// `fabric` may be null: nobody uses any.
    FabricUse(std::shared_ptr<Fabric> fabric, Poller& poller);
    FabricUse(const FabricUse&) = delete;
    ~FabricUse();

    /// Null: there is none, or none any more.
    Fabric* get() const { return is_closed_ ? nullptr : fabric_.get(); }
    /// Has any transfer ended, or the endpoint, since this was asked?
    bool take_news() { return std::exchange(has_news_, false); }
    void note_news() { has_news_ = true; }

    /// Goes on with what is on its way; `is_told`: the descriptor was readable. Did anything end?
    bool advance(bool is_told);
    /// After that: whoever sleeps on the poller is woken when there is more to do.
    void settle();
    void close();

  private:
    void keep_awake(bool awake);

    std::shared_ptr<Fabric> fabric_;  // shared: with who made it, and asks it what it is
    Poller& poller_;
    ForkGuard fork_guard_;
    UniqueFd wake_;  // readable while nothing else would tell that there is something to do
    std::size_t flights_ = 0;
    bool is_closed_ = false, has_news_ = false, is_told_ = false, is_awake_ = false;
};

}  // namespace ipcrun
