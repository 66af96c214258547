// SPDX-License-Identifier: Apache-2.0
#include "runtime/children.hpp"

#include "base/fail.hpp"
#include "runtime/family_link.hpp"
#include "runtime/pair.hpp"

namespace ipcrun {

std::string ChildEnd::describe() const {
    return describe_wait_status(wait_status) + (out_of_memory ? ": out of memory" : "");
}

// Shared with the children, which may outlive it and know then that they have ended.
struct Children::Impl : FamilyLink {
    using FamilyLink::FamilyLink;
};

struct ChildProcess::Impl {
    std::shared_ptr<FamilyLink> link;
    std::uint32_t id;
    pid_t pid;
    Pair pair;
    bool is_end_known = false;
};

Children::Children(const std::string& agent_program)
    : impl_(new Impl(agent_program), [](Impl* impl) {
          // A child after fork() lets it lie: it has neither the thread nor the agent.
          if (impl->is_ours()) delete impl;
      }) {}

Children::~Children() {
    if (!impl_->is_ours()) return;
    try {
        constexpr Seconds grace{0.5};
        impl_->close(grace);
    } catch (const std::exception&) {
        // The agent ends them all by itself as soon as it loses us.
    }
    impl_->finish();
}

std::unique_ptr<ChildProcess> Children::spawn(const ChildSpec& spec) {
    FamilyLink::Started started = impl_->spawn(spec);
    try {
        auto child = std::make_unique<ChildProcess::Impl>(
            ChildProcess::Impl{impl_, started.id, started.pid,
                               Pair(std::move(started.control), std::move(started.heap),
                                    impl_->doorbell(), Pair::parent)});
        impl_->watch(started.id, child->pair.heap()->memory());
        return std::make_unique<ChildProcess>(std::move(child));
    } catch (...) {
        impl_->abandon(started.id);
        throw;
    }
}

void Children::close(Seconds grace) {
    impl_->close(grace);
}

bool Children::have_ended() const {
    return impl_->have_ended();
}

ChildProcess::ChildProcess(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

ChildProcess::~ChildProcess() {
    if (!impl_->link->is_ours()) return;
    impl_->link->forget(impl_->id);
    const ControlSegment& control = impl_->pair.control();
    control.rank(Pair::parent).state.store(RankState::left);
    control.raise_alert();
}

int ChildProcess::pid() const {
    return impl_->pid;
}

Communicator& ChildProcess::communicator() {
    return impl_->pair.communicator();
}

const std::shared_ptr<Heap>& ChildProcess::heap() const {
    return impl_->pair.heap();
}

std::optional<ChildEnd> ChildProcess::end() {
    // Told before it is marked. Asked at every message, so that this costs a load.
    if (!impl_->is_end_known &&
        impl_->pair.control().rank(Pair::child).state.load() < RankState::exited)
        return std::nullopt;
    return impl_->link->end(impl_->id);
}

std::optional<ChildEnd> ChildProcess::wait_end(Deadline deadline) {
    auto end = impl_->link->wait_end(impl_->id, deadline);
    impl_->is_end_known = end.has_value();
    return end;
}

void ChildProcess::signal(int number) {
    impl_->link->signal(impl_->id, number);
}

}  // namespace ipcrun
