// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/household.hpp"

#include <sched.h>

#include <algorithm>

#include "base/futex.hpp"

namespace ipcrun::lua {

namespace {

int allowed_cpus() {
    cpu_set_t set;
    if (::sched_getaffinity(0, sizeof set, &set) != 0) return 1;
    return std::max(CPU_COUNT(&set), 1);
}

}  // namespace

Household::Household(std::shared_ptr<Job> job, std::shared_ptr<Heap> heap)
    : job_(std::move(job)), heap_(std::move(heap)), cpus_(allowed_cpus()) {}

void Household::close() {
    is_closing_ = true;
    alert_.fetch_add(1);
    futex_wake_all(alert_);
}

void Household::leave_job() {
    job_.reset();
    heap_.reset();
}

void Household::end_thread() {
    threads_.fetch_sub(1);
    ended_.ring_all();
}

Holder Household::find_locked(const std::string& name) {
    const auto known = names_.find(name);
    if (known == names_.end()) return {};
    auto object = known->second.lock();
    return object ? Holder(std::move(object)) : Holder();
}

}  // namespace ipcrun::lua
