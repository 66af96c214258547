// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/household.hpp"

#include <sched.h>
#include <unistd.h>

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
    : job_(std::move(job)),
      heap_(std::move(heap)),
      secret_(job_->secret()),
      cpus_(allowed_cpus()) {}

void Household::close() {
    is_closing_ = true;
    alert_.fetch_add(1);
    futex_wake_all(alert_);
    std::vector<std::weak_ptr<EndsWithProgram>> ends;
    {
        const std::lock_guard lock(connections_mutex_);
        ends.swap(ends_);
    }
    // All goodbyes are on their way before the first is waited for. No list of those that live:
    // there may be no memory for one. What goes in between ends by itself.
    for (const auto& end : ends)
        if (const auto object = end.lock()) object->begin_end();
    for (const auto& end : ends)
        if (const auto object = end.lock()) object->end();
}

std::shared_ptr<Neighbourhood> Household::neighbourhood() {
    const std::lock_guard lock(connections_mutex_);
    const pid_t pid = ::getpid();
    if (neighbourhood_ == nullptr || neighbourhood_pid_ != pid) {
        neighbourhood_ = Neighbourhood::create();
        neighbourhood_pid_ = pid;
    }
    return neighbourhood_;
}

void Household::end_with_program(const std::shared_ptr<EndsWithProgram>& object) {
    {
        const std::lock_guard lock(connections_mutex_);
        if (ends_.size() >= ends_limit_) {
            std::erase_if(ends_, [](const auto& end) { return end.expired(); });
            ends_limit_ = std::max(names_limit_min, 2 * ends_.size());
        }
        ends_.push_back(object);
    }
    // One of the two sees the other: close() comes to the list after it has set this.
    if (!is_closing()) return;
    object->begin_end();
    object->end();
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
