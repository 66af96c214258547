// SPDX-License-Identifier: Apache-2.0
// What the agent says, and its end: see family_link.hpp.
#include <poll.h>
#include <signal.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>
#include <vector>

#include "base/fail.hpp"
#include "runtime/family_link.hpp"
#include "runtime/pair.hpp"

namespace ipcrun {

namespace {

// For processes that have been sent SIGKILL.
constexpr Seconds kill_time_max{0.5};
// For an agent that has been told to end: it gives its children a quarter of a second.
constexpr Seconds agent_end_max{2.0};

// They have all been sent SIGKILL. A pid that has gone to somebody else costs time, and no more.
void wait_until_ended(const std::vector<pid_t>& pids) {
    const auto deadline = Deadline::after(kill_time_max);
    for (const pid_t pid : pids) {
        const UniqueFd process(static_cast<int>(::syscall(SYS_pidfd_open, pid, 0)));
        if (process) (void)wait_readable(process.get(), deadline);
    }
}

// How a child of this process ended; empty when somebody else has reaped it, or it runs.
std::string describe_end(int pidfd) {
    siginfo_t info = {};
    if (::waitid(P_PIDFD, static_cast<id_t>(pidfd), &info, WEXITED | WNOHANG) != 0 ||
        info.si_pid == 0)
        return "";
    const bool has_exited = info.si_code == CLD_EXITED;
    return ": " + describe_wait_status(has_exited ? W_EXITCODE(info.si_status, 0)
                                                  : W_EXITCODE(0, info.si_status));
}

}  // namespace

// The thread: until the connection or the agent ends, or it is told to.
void FamilyLink::listen() {
    std::array<pollfd, 3> polled = {
        {{socket_.get(), POLLIN, 0}, {agent_.pidfd.get(), POLLIN, 0}, {stop_.get(), POLLIN, 0}}};
    for (;;) {
        if (::poll(polled.data(), polled.size(), -1) < 0) continue;  // no memory, for the moment
        if (polled[2].revents != 0) return;
        bool is_lost = polled[1].revents != 0;
        {
            const Lock lock(mutex_);
            read();
            is_lost = is_lost || is_socket_closed_;
        }
        if (is_lost) return lose_agent();
    }
}

// All that is there; with the lock.
void FamilyLink::read() {
    while (!is_socket_closed_) {
        try {
            const PacketResult result = receive_packet(socket_.get(), packet_);
            if (result == PacketResult::would_block) return;
            if (result == PacketResult::received)
                take(packet_);
            else
                is_socket_closed_ = true;
        } catch (const std::exception& error) {
            // A packet that has lost its descriptors: only one kind has any. Without one there is
            // no going on.
            if (!asked_) {
                is_socket_closed_ = true;
                // The thread may not have seen the packet that this one has taken.
                (void)::shutdown(socket_.get(), SHUT_RDWR);
                agent_end_ = fmt::format("the agent of children (pid {}) has been given up: {}",
                                         agent_.pid, error.what());
            } else {
                Entry& entry = children_[*asked_];
                entry.is_answered = true;
                entry.refusal = error.what();
                kill_unclaimed(*asked_);
                asked_.reset();
            }
        }
        news_.notify_all();
    }
}

void FamilyLink::kill_unclaimed(std::uint32_t id) {
    try {
        (void)send_packet(socket_.get(), encode(ToFamilyAgent(SignalChild{id, SIGKILL})));
    } catch (const std::exception&) {
        // The agent is gone, and the child with it; or there is no memory, and it ends with us.
    }
}

void FamilyLink::take(Packet& packet) {
    const ToParent message = decode_to_parent(packet.bytes);
    if (const auto* closed = std::get_if<Closed>(&message)) {
        closed_ = closed->survivors;
        return;
    }
    if (const auto* spawned = std::get_if<Spawned>(&message)) {
        const auto entry = children_.find(spawned->id);
        if (entry == children_.end() || packet.fds.size() != 2) {
            // It was not waited for so long: nobody knows of it.
            kill_unclaimed(spawned->id);
            return;
        }
        entry->second.is_answered = true;
        entry->second.pid = spawned->pid;
        entry->second.control = std::move(packet.fds[0]);
        entry->second.heap = std::move(packet.fds[1]);
    } else if (const auto* refused = std::get_if<NotSpawned>(&message)) {
        const auto entry = children_.find(refused->id);
        if (entry == children_.end()) return;
        entry->second.is_answered = true;
        entry->second.refusal = refused->reason;
    } else if (const auto* ended = std::get_if<ChildEnded>(&message)) {
        const auto entry = children_.find(ended->id);
        if (entry != children_.end())
            entry->second.end = {ended->wait_status, ended->out_of_memory, ended->report};
    }
}

// The kernel kills its children with it. Nobody else is left to tell that they have ended.
void FamilyLink::lose_agent() {
    // Not closed: a child may be asked about while this object is shared. An agent that lives ends
    // its children, and itself, when it finds the connection shut.
    (void)::shutdown(socket_.get(), SHUT_RDWR);
    if (!wait_readable(agent_.pidfd.get(), Deadline::after(agent_end_max)))
        (void)agent_.signal(SIGKILL);
    (void)wait_readable(agent_.pidfd.get(), Deadline::after(kill_time_max));
    std::vector<pid_t> pids;
    {
        const Lock lock(mutex_);
        for (const auto& [id, entry] : children_)
            if (entry.pid != 0 && !entry.end) pids.push_back(entry.pid);
    }
    wait_until_ended(pids);
    const std::string how = describe_end(agent_.pidfd.get());  // and reaps it
    const Lock lock(mutex_);
    if (agent_end_.empty())
        agent_end_ = fmt::format("the agent of children (pid {}) has ended{}, and they with it",
                                 agent_.pid, how);
    is_socket_closed_ = true;
    is_agent_gone_ = true;
    mark_ends();
    news_.notify_all();
}

// With the lock, once the agent is gone.
void FamilyLink::mark_ends() {
    for (auto& [id, entry] : children_) {
        if (entry.end) continue;
        constexpr int killed = W_EXITCODE(0, SIGKILL);
        entry.end = ChildEnd{killed, false, agent_end_};
        if (entry.memory == nullptr) continue;
        const ControlSegment& control = entry.memory->control();
        // For a program under a shell, which does not die with it: nothing comes from here any
        // more, and nobody will tell it later.
        control.rank(Pair::parent).state.store(RankState::left);
        control.mark_ended(Pair::child, killed);
    }
}

void FamilyLink::finish() {
    if (agent_.pid < 0 || std::exchange(is_finished_, true)) return;
    if (listener_.joinable()) {
        constexpr std::uint64_t one = 1;
        check(::write(stop_.get(), &one, sizeof one) == sizeof one, "write to an event descriptor");
        listener_.join();
    }
    {
        const Lock lock(mutex_);
        read();
    }
    if (!is_agent_gone_) lose_agent();
}

}  // namespace ipcrun
