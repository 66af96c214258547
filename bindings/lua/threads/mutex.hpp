// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A recursive lock, and a barrier, for threads with a Lua state each. Knows nothing of Lua.

#include <atomic>
#include <cstdint>
#include <mutex>

#include "base/deadline.hpp"
#include "bindings/lua/context.hpp"
#include "bindings/lua/ipc/handle.hpp"
#include "runtime/wire/bell.hpp"

namespace ipcrun::lua {

constexpr const char* mutex_name = "ipc.mutex";

class Mutex final : public SharedObject {
  public:
    const char* type_name() const override { return mutex_name; }
    /// A thread that ends leaves the lock to others, who hear of it.
    void on_release(const void* state) override;
    /// A barrier that nobody else can come to should not be waited for.
    void on_lonely() override { met_.ring_all(); }

    /// Waits for the lock. Throws Error{timeout}; Error{peer_lost} when the thread that held it
    /// ended without unlocking it (once: it is free then), and when the program ends. The lock is
    /// not taken then.
    void lock(Context& thread, Deadline deadline);
    /// Throws Error{usage} when this thread does not hold it.
    void unlock(const Context& thread);
    bool is_held_by(const Context& thread) const { return owner_.load() == &thread; }
    /// How many times the thread, which holds it, has locked it.
    int depth() const { return depth_; }

    /// Waits until `size` threads have come. Throws Error{usage} when those who wait came for
    /// another number, Error{timeout}, and Error{peer_lost} when nobody else has the mutex any
    /// more, or the program ends. This thread is not counted then.
    void meet(Context& thread, std::int64_t size, Deadline deadline);

  private:
    bool try_lock(const Context& thread);
    void free();
    bool withdraw(std::uint64_t generation);

    std::atomic<const void*> owner_ = nullptr;  // the thread's context
    int depth_ = 0;                             // the owner's
    std::atomic<bool> was_abandoned_ = false;
    Bell unlocked_ = {};

    std::mutex barrier_mutex_;
    std::int64_t size_ = 0;  // of the meeting that is coming together
    std::int64_t arrived_ = 0;
    std::atomic<std::uint64_t> generation_ = 0;  // meetings there were
    Bell met_ = {};
};

}  // namespace ipcrun::lua
