// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/mutex.hpp"

#include "bindings/lua/threads/wait.hpp"

namespace ipcrun::lua {

bool Mutex::try_lock(const Context& thread) {
    const void* nobody = nullptr;
    return owner_.load(std::memory_order_relaxed) == nullptr &&
           owner_.compare_exchange_strong(nobody, &thread);
}

void Mutex::free() {
    owner_.store(nullptr);
    unlocked_.ring(1);
}

void Mutex::lock(Context& thread, Deadline deadline) {
    if (is_held_by(thread)) {
        ++depth_;
        return;
    }
    if (!try_lock(thread)) {
        Bell* const bells[] = {&unlocked_};
        if (!wait_for(thread, bells, deadline, "mutex:lock", [&] { return try_lock(thread); }))
            fail(ErrorCode::timeout,
                 "mutex:lock: the time is over, and another thread holds the mutex");
    }
    if (was_abandoned_.exchange(false)) {
        free();
        fail(ErrorCode::peer_lost,
             "mutex:lock: the thread that held the mutex ended without unlocking it; what it "
             "guards may be half done");
    }
    depth_ = 1;
}

void Mutex::unlock(const Context& thread) {
    if (!is_held_by(thread))
        fail(ErrorCode::usage,
             "mutex:unlock: operation not permitted: this thread does not hold the mutex");
    if (--depth_ == 0) free();
}

void Mutex::on_release(const void* state) {
    if (owner_.load() != state) return;
    was_abandoned_ = true;
    free();
}

// Takes a thread that came to the meeting after `generation` out again; false when it has been
// held meanwhile.
bool Mutex::withdraw(std::uint64_t generation) {
    const std::lock_guard lock(barrier_mutex_);
    if (generation_.load() != generation) return false;
    --arrived_;
    return true;
}

void Mutex::meet(Context& thread, std::int64_t size, Deadline deadline) {
    std::uint64_t generation = 0;
    {
        const std::lock_guard lock(barrier_mutex_);
        if (arrived_ > 0 && size != size_)
            fail(ErrorCode::usage,
                 "mutex:barrier: it is called for {} threads here, and others wait for {}", size,
                 size_);
        size_ = size;
        generation = generation_.load();
        if (++arrived_ == size) {
            arrived_ = 0;
            generation_.store(generation + 1);
        }
    }
    if (generation_.load() != generation) return met_.ring_all();
    Bell* const bells[] = {&met_};
    bool has_met = false;
    try {
        has_met = wait_for(thread, bells, deadline, "mutex:barrier", [&] {
            if (generation_.load() != generation) return true;
            if (holders() == 1)
                fail(ErrorCode::peer_lost,
                     "mutex:barrier: it waits for {} threads, and none but this one has the mutex "
                     "any more",
                     size);
            return false;
        });
    } catch (...) {
        if (withdraw(generation)) throw;
        return;
    }
    if (!has_met && withdraw(generation))
        fail(ErrorCode::timeout,
             "mutex:barrier: the time is over, and not all of {} threads have come", size);
}

}  // namespace ipcrun::lua
