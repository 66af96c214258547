// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Somebody who wants a message of a rank on another host.

#include <atomic>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <vector>

#include "base/fork_guard.hpp"
#include "runtime/hosts/remote_counts.hpp"
#include "runtime/hosts/remote_mailbox.hpp"
#include "runtime/hosts/remote_message.hpp"
#include "runtime/parts.hpp"

namespace ipcrun {

class RemoteContext;

/// What it wants, in ranks of the communicator and of the job.
struct RemoteWish {
    int from = any_source, source = any_source;
    int tag = any_tag;
    /// "receive(from rank 3, tag 7)".
    std::string describe() const;
};

class RemoteReceiving final : public RemoteMailbox::Receiving {
  public:
    /// Copies the array of parts. Throws Error{usage} for strides that make no sense.
    RemoteReceiving(std::mutex& mutex, const ForkGuard& guard, RemoteContext& context,
                    const RemoteWish& wish, std::optional<std::span<const Part>> parts);
    /// What was to come here stays for others. In a child after fork() all of it is the parent's.
    ~RemoteReceiving() override;

    bool is_done() const override { return is_done_.load(std::memory_order_acquire); }
    const Error* error() const override { return error_ ? &*error_ : nullptr; }
    Envelope envelope() const override { return envelope_; }
    Message take() override { return {envelope_, std::move(storage_)}; }

    // For its context, which holds the mutex.

    bool wants(int source, int tag) const {
        return (wish_.source == any_source || wish_.source == source) &&
               (wish_.tag == any_tag || wish_.tag == tag);
    }
    const RemoteWish& wish() const { return wish_; }
    /// Why it cannot have this one, though it matches.
    std::optional<Error> mismatch(const Envelope& envelope) const;

    /// It has one that lies there. Throws std::bad_alloc, and nothing has happened.
    void finish(const Envelope& envelope, std::span<const std::byte> body);
    /// It has one that came altogether.
    void finish(const Envelope& envelope, RemoteMessage& message);
    void fail(const Error& error);
    /// Gets ready for the body of one that is not whole. Throws std::bad_alloc, and nothing has
    /// happened.
    void await(RemoteMessage& message);

    bool is_long() const { return shape_.bytes > RemoteMailbox::eager_bytes_max; }
    Counted counted;  ///< as expected where it is long, then as under way

    /// The one whose body it waits for.
    std::unique_ptr<RemoteMessage> coming = {};
    std::uint64_t order = 0;  ///< among the receives of its context

  private:
    std::mutex& mutex_;
    const ForkGuard& guard_;
    RemoteContext& context_;
    RemoteWish wish_;
    bool takes_any_size_;
    std::vector<Part> parts_;
    PartsShape shape_;
    Envelope envelope_;
    StoragePtr storage_;
    std::optional<Error> error_;
    std::atomic<bool> is_done_ = false;
};

}  // namespace ipcrun
