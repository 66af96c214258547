// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Sleeping until one of several communicators may have something new.

#include <atomic>
#include <span>
#include <vector>

#include "base/deadline.hpp"
#include "base/futex.hpp"
#include "runtime/wait_any.hpp"
#include "runtime/wire/bell.hpp"

namespace ipcrun {

/// Everything that is rung, or changed, when a source has something new: for this process's side of
/// pairs its one doorbell, however many they are; elsewhere the bell for messages and the alert.
class SourcesSleep {
  public:
    /// `doorbell` (may be null) is rung for others.
    explicit SourcesSleep(std::span<const Source> sources, Bell* doorbell = nullptr);

    /// While one lives those who ring see a sleeper. Whatever they did before must be looked for
    /// once it does: as in Waiter, both sides are sequentially consistent.
    class Raised {
      public:
        explicit Raised(SourcesSleep& sleep);
        ~Raised();
        Raised(const Raised&) = delete;

        void wait(Deadline deadline) const { futex_wait_any(sleep_.words_, deadline); }

      private:
        SourcesSleep& sleep_;
    };

  private:
    std::vector<Bell*> bells_;
    std::vector<std::atomic<std::uint32_t>*> alerts_;
    std::vector<FutexWait> words_;
};

}  // namespace ipcrun
