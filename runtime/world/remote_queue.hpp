// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A queue whose memory is on another host, as a rank here has it; see queue_call.hpp.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <string>
#include <vector>

#include "runtime/shared_queue.hpp"
#include "runtime/world/queue_client.hpp"

namespace ipcrun {

class RemoteQueue final : public SharedQueue {
  public:
    /// Opens it. Throws Error as Job::open_queue.
    RemoteQueue(std::shared_ptr<QueueClient> client, std::string name, std::uint64_t capacity);
    ~RemoteQueue() override;

    QueueOutcome try_write(std::span<const Part> parts) override;
    QueueOutcome try_read(StoragePtr& item, QueueStatus& after) override;
    bool may_write() const override { return may(writing_); }
    bool may_read() const override { return may(reading_); }
    void writer_leaves() override { leave(writing_, QueueCallKind::stop_writing); }
    void reader_leaves() override { leave(reading_, QueueCallKind::stop_reading); }
    void close() override;
    QueueStatus status() const override;
    std::uint64_t items() const override;
    std::uint64_t capacity() const override { return capacity_; }
    /// Rung at whatever comes to this rank from other hosts.
    Bell& readable() const override { return client_->bell(); }
    Bell& writable() const override { return client_->bell(); }
    /// Whose memory it is looks for the dead of its host; its own end fails the next try.
    void check_company() override {}
    std::uint32_t find_lost_company() override { return 0; }
    bool has_company() const override { return true; }
    Reference reference() const override;
    int descriptor() const override { return -1; }

  private:
    using Receiving = RemoteMailbox::Receiving;
    // The threads that write here, or that read: one after the other.
    struct Line {
        std::mutex turn;
        mutable std::mutex mutex;  // of what follows
        std::unique_ptr<Receiving> wake_up = {};
        std::uint32_t wake_up_id = 0;
    };

    bool may(const Line& line) const;
    void leave(Line& line, QueueCallKind kind);
    QueueCall call_of(QueueCallKind kind) const;
    QueueClient::Answered ask(Line& line, QueueCallKind kind, std::span<const Part> parts);
    QueueAnswer look(QueueCallKind kind) const;

    std::shared_ptr<QueueClient> client_;  // shared: by all queues of the process
    const std::string name_;
    const std::uint64_t capacity_;
    std::uint32_t number_ = 0;
    std::uint64_t nonce_ = 0;
    Line writing_, reading_;
};

}  // namespace ipcrun
