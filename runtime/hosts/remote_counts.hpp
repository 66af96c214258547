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
};

/// One thing that may be under way.
class UnderWay {
  public:
    UnderWay() = default;
    UnderWay(const UnderWay&) = delete;
    ~UnderWay() { end(); }

    void begin(RemoteCounts& counts) {
        if (counts_ != nullptr) return;
        counts_ = &counts;
        counts.under_way.fetch_add(1);
    }
    void end() {
        if (counts_ == nullptr) return;
        counts_->under_way.fetch_sub(1);
        counts_ = nullptr;
    }

  private:
    RemoteCounts* counts_ = nullptr;
};

}  // namespace ipcrun
