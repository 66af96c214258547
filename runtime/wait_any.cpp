// SPDX-License-Identifier: Apache-2.0
#include "runtime/wait_any.hpp"

#include <sched.h>

#include <algorithm>
#include <vector>

#include "base/fail.hpp"
#include "base/futex.hpp"
#include "runtime/communicator_impl.hpp"

namespace ipcrun {

namespace {

// As a Waiter yields before it sleeps.
constexpr std::chrono::microseconds yield_time{200};

std::optional<std::size_t> look(std::span<const Source> sources, int tag, std::size_t first) {
    for (std::size_t i = 0; i < sources.size(); ++i) {
        const std::size_t index = (first + i) % sources.size();
        const auto& [communicator, member] = sources[index];
        // In this order: whoever had departed when it looked has sent what it did not find never.
        if (communicator->test_message(member, tag) ||
            communicator->impl().mailbox.is_forsaken(member))
            return index;
    }
    return std::nullopt;
}

// Everything that is rung, or changed, when a source has something new: for this process's side of
// pairs its one doorbell, however many they are; elsewhere the bell for messages and the alert.
class Sleep {
  public:
    explicit Sleep(std::span<const Source> sources) {
        for (const Source& source : sources) {
            const Group& group = source.communicator->impl().group;
            const int own = group.identity().members[group.rank()];
            if (Bell* const doorbell = group.control().doorbell_of(own)) {
                bells_.push_back(doorbell);
            } else {
                bells_.push_back(&group.member(group.rank()).mail);
                alerts_.push_back(&group.control().header().alert);
            }
        }
        drop_repeated(bells_);
        drop_repeated(alerts_);
        words_.reserve(bells_.size() + alerts_.size());
    }

    // While one lives those who ring see a sleeper. Whatever they did before must be looked for
    // once it does: as in Waiter, both sides are sequentially consistent.
    class Raised {
      public:
        explicit Raised(Sleep& sleep) : sleep_(sleep) {
            sleep.words_.clear();
            for (Bell* const bell : sleep.bells_) {
                sleep.words_.push_back({&bell->generation, bell->generation.load()});
                bell->sleepers.fetch_add(1);
            }
            for (auto* const alert : sleep.alerts_) sleep.words_.push_back({alert, alert->load()});
        }
        ~Raised() {
            for (Bell* const bell : sleep_.bells_) bell->sleepers.fetch_sub(1);
        }
        Raised(const Raised&) = delete;

        void wait(Deadline deadline) const { futex_wait_any(sleep_.words_, deadline); }

      private:
        Sleep& sleep_;
    };

  private:
    template <typename T>
    static void drop_repeated(std::vector<T*>& list) {
        std::sort(list.begin(), list.end(), std::less<>());
        list.erase(std::unique(list.begin(), list.end()), list.end());
    }

    std::vector<Bell*> bells_;
    std::vector<std::atomic<std::uint32_t>*> alerts_;
    std::vector<FutexWait> words_;
};

}  // namespace

std::optional<std::size_t> wait_any(std::span<const Source> sources, int tag, std::size_t first,
                                    Deadline deadline) {
    if (sources.empty() && !deadline.has_passed())
        fail(ErrorCode::usage, "wait for a message: there is nobody to wait for");
    auto found = look(sources, tag, first);
    const auto yield_until = Clock::now() + yield_time;
    while (!found && !deadline.has_passed() && Clock::now() < yield_until) {
        ::sched_yield();
        found = look(sources, tag, first);
    }
    if (found || deadline.has_passed()) return found;
    Sleep sleep(sources);
    for (;;) {
        const Sleep::Raised raised(sleep);
        found = look(sources, tag, first);
        if (found || deadline.has_passed()) return found;
        raised.wait(deadline);
    }
}

}  // namespace ipcrun
