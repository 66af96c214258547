// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What is counted of all messages with other hosts, for those who wait and for who sees to the
/// streams. Read by any thread.

#include <atomic>
#include <cstdint>

namespace ipcrun {

struct RemoteCounts {
    std::atomic<std::uint64_t> news = 0;  ///< what those who wait may care for
    std::atomic<int> under_way = 0;       ///< what goes on only while somebody sees to the streams
    std::atomic<int> expected = 0;        ///< what may begin at any time, and is to go on at once
};

/// One thing that may be counted.
class Counted {
  public:
    Counted() = default;
    Counted(const Counted&) = delete;
    ~Counted() { end(); }

    void begin(std::atomic<int>& count) {
        if (count_ == &count) return;
        end();
        count_ = &count;
        count.fetch_add(1);
    }
    void end() {
        if (count_ == nullptr) return;
        count_->fetch_sub(1);
        count_ = nullptr;
    }

  private:
    std::atomic<int>* count_ = nullptr;
};

}  // namespace ipcrun
