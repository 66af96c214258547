// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A shared queue whose memory this process has mapped.

#include <memory>
#include <span>

#include "runtime/shared_queue.hpp"

namespace ipcrun {

class QueueAttachment;

class MemoryQueue final : public SharedQueue {
  public:
    explicit MemoryQueue(std::shared_ptr<QueueAttachment> attachment);
    ~MemoryQueue() override;

    QueueOutcome try_write(std::span<const Part> parts) override;
    QueueOutcome try_read(StoragePtr& item, QueueStatus& after) override;
    bool may_write() const override { return true; }
    bool may_read() const override { return true; }
    void writer_leaves() override;
    void reader_leaves() override;
    void close() override;
    QueueStatus status() const override;
    std::uint64_t items() const override;
    std::uint64_t capacity() const override;
    Bell& readable() const override;
    Bell& writable() const override;
    void check_company() override;
    std::uint32_t find_lost_company() override;
    bool has_company() const override;
    Reference reference() const override;
    int descriptor() const override;

  private:
    bool is_full(std::uint64_t bytes) const;
    QueueOutcome write_small(std::span<const Part> parts, std::uint64_t bytes);
    QueueOutcome write_large(std::span<const Part> parts, std::uint64_t bytes);

    std::shared_ptr<QueueAttachment> attachment_;  // shared: items may outlive this object
};

}  // namespace ipcrun
