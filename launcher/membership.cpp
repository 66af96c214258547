// SPDX-License-Identifier: Apache-2.0
#include "launcher/membership.hpp"

#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>

#include <array>

#include "base/fail.hpp"
#include "base/mapping.hpp"
#include "base/socket.hpp"
#include "launcher/process_table.hpp"

namespace ipcrun {

namespace {

constexpr Seconds kill_time_max{1.0};  // for a process that has been sent SIGKILL
// More than a socket holds: each packet takes a kilobyte of its 208 or so.
constexpr int packets_waiting_max = 1024;
constexpr int exit_status_0 = W_EXITCODE(0, 0);
constexpr int exit_status_1 = W_EXITCODE(1, 0);

}  // namespace

Membership::Membership(EventLoop& loop, const Shape& shape, Callbacks callbacks)
    : loop_(loop),
      doorbell_fd_(shape.doorbell_fd),
      segment_fd_(ControlSegment::create(shape.ranks, shape.usable_cpus, shape.arena_bytes)),
      heap_fd_(
          create_memfd("ipcrun-heap", static_cast<std::uint64_t>(shape.ranks) * shape.arena_bytes)),
      segment_(segment_fd_.get()),
      members_(static_cast<std::size_t>(shape.ranks)),
      callbacks_(std::move(callbacks)),
      is_job_(shape.is_job),
      wiring_(shape.wiring) {
    segment_.set_secret(shape.secret);
    if (shape.doorbell != nullptr) segment_.add_doorbell(0, shape.doorbell);
}

void Membership::set_place(int rank, const RankPlace& place) {
    segment_.rank(rank).place = place;
}

void Membership::add_outsider(int rank, pid_t pid) {
    RankSlot& slot = segment_.rank(rank);
    slot.pid.store(pid);
    slot.state.store(RankState::joined);
}

void Membership::outsider_ended(int rank) {
    // How it ended is known to its parent alone, and no failure of those who share this memory.
    mark_ended(rank, exit_status_0);
}

UniqueFd Membership::open_socket(int rank) {
    auto [ours, theirs] = create_socket_pair(SocketKind::packet);
    Member& member = members_[static_cast<std::size_t>(rank)];
    set_nonblocking(ours.get());
    member.socket = std::move(ours);
    member.socket_watch =
        loop_.on_readable(member.socket.get(), [this, rank] { on_readable(rank); });
    return std::move(theirs);
}

void Membership::worker_started(int rank, pid_t pid) {
    members_[static_cast<std::size_t>(rank)].worker_pid = pid;
}

void Membership::worker_ended(int rank, int wait_status) {
    hear_out(rank);
    mark_ended(rank, wait_status);
}

void Membership::hear_out(int rank) {
    read_what_was_said(rank);
    Member& member = members_[static_cast<std::size_t>(rank)];
    member.joined_watch.reset();
    if (member.joined_pidfd) {
        // It may be gone already; then the wait ends at once.
        (void)::syscall(SYS_pidfd_send_signal, member.joined_pidfd.get(), SIGKILL, nullptr, 0);
        (void)wait_readable(member.joined_pidfd.get(), Deadline::after(kill_time_max));
    }
    member.joined_pidfd.reset();
}

// Of a process that has ended. Others may hold its socket, and speak on without end.
void Membership::read_what_was_said(int rank) {
    for (int left = packets_waiting_max; left > 0 && read_packet(rank); --left) {
    }
}

void Membership::on_readable(int rank) {
    (void)read_packet(rank);
}

bool Membership::read_packet(int rank) {
    Member& member = members_[static_cast<std::size_t>(rank)];
    if (!member.socket) return false;
    try {
        Packet packet;
        switch (receive_packet(member.socket.get(), packet)) {
            case PacketResult::would_block:
                return false;
            case PacketResult::received: {
                handle(rank, decode_worker_message(packet.bytes));
                return true;
            }
            case PacketResult::closed:
                break;
        }
    } catch (const Error& error) {
        // A program that writes to descriptor 3 for reasons of its own: it is no rank of ours.
        answer(rank, Refused{error.what()});
    }
    member.socket_watch.reset();
    UniqueFd socket = std::move(member.socket);
    if (callbacks_.closed) callbacks_.closed(rank, std::move(socket));
    return false;
}

void Membership::handle(int rank, const WorkerMessage& message) {
    if (const auto* wish = std::get_if<Join>(&message)) return join(rank, *wish);
    if (const auto* report = std::get_if<Report>(&message)) return callbacks_.report(rank, *report);
    if (const auto* wish = std::get_if<Fence>(&message)) return fence(rank, wish->rank);
    if (const auto* wish = std::get_if<OpenQueue>(&message)) return open_queue(rank, *wish);
    if (!std::holds_alternative<Leave>(message))
        fail(ErrorCode::protocol, "a rank sent a message that only agents send");
    RankSlot& slot = segment_.rank(rank);
    if (slot.state.load() != RankState::joined) return;
    slot.state.store(RankState::left);
    segment_.raise_alert();
}

void Membership::join(int rank, const Join& join) {
    Member& member = members_[static_cast<std::size_t>(rank)];
    if (join.version != worker_protocol_version)
        return answer(rank, Refused{fmt::format("this ipcrun speaks version {} of its protocol, "
                                                "and the program version {}: build it anew",
                                                worker_protocol_version, join.version)});
    if (member.joined_pid != 0)
        return answer(rank, Refused{fmt::format("rank {} has been joined by process {}: only one "
                                                "process can be a rank, and only once",
                                                rank, member.joined_pid)});
    if (member.is_marked) return answer(rank, Refused{fmt::format("rank {} has ended", rank)});
    member.joined_pid = join.pid;
    // A program under a shell, say. One in another pid namespace ends with its worker at the
    // latest.
    if (join.pid != member.worker_pid && is_descendant(join.pid)) {
        member.joined_pidfd.reset(static_cast<int>(::syscall(SYS_pidfd_open, join.pid, 0)));
        if (member.joined_pidfd)
            member.joined_watch = loop_.on_readable(member.joined_pidfd.get(),
                                                    [this, rank] { joined_process_ended(rank); });
    }
    segment_.rank(rank).pid.store(join.pid);
    member.waits_to_join = wiring_ != nullptr && !wiring_->is_complete();
    if (!member.waits_to_join) welcome(rank);
}

void Membership::let_join() {
    for (std::size_t rank = 0; rank < members_.size(); ++rank)
        if (std::exchange(members_[rank].waits_to_join, false)) welcome(static_cast<int>(rank));
}

void Membership::welcome(int rank) {
    segment_.rank(rank).state.store(RankState::joined);
    std::vector<int> given{segment_fd_.get(), heap_fd_.get()};
    if (doorbell_fd_ >= 0) given.push_back(doorbell_fd_);
    if (wiring_ == nullptr) return answer(rank, Joined{}, given);
    const Wiring::Gift gift = wiring_->give(rank);
    given.insert(given.end(), {gift.table_fd, gift.listener.get()});
    answer(rank, Joined{}, given);
}

void Membership::fence(int rank, int target) {
    const auto is_member = [this](int other) {
        return members_[static_cast<std::size_t>(other)].joined_pid != 0;
    };
    if (target < 0 || target >= static_cast<int>(members_.size()) || target == rank ||
        !is_member(rank) || !is_member(target))
        return answer(
            rank, Refused{fmt::format("rank {} cannot ask for the end of rank {}", rank, target)});
    // Several ask, and it may have ended since.
    if (!members_[static_cast<std::size_t>(target)].is_marked) callbacks_.fence(target);
}

void Membership::open_queue(int rank, const OpenQueue& request) {
    std::string refusal;
    if (!is_job_)
        refusal = "queues have names among the ranks of a job, and this is a child of a process";
    else if (members_[static_cast<std::size_t>(rank)].joined_pid == 0)
        refusal = fmt::format("rank {} has not joined the job", rank);
    else
        try {
            const int memory = queues_.open(request.name, request.capacity);
            return answer(rank, QueueOpened{request.id}, {&memory, 1});
        } catch (const Error& error) {
            refusal = error.what();
        }
    answer(rank, QueueRefused{request.id, refusal});
}

void Membership::answer(int rank, const WorkerMessage& message, std::span<const int> fds) {
    try {
        // A rank has room for the few answers it asked for; one that does not read them gets none.
        (void)send_packet(members_[static_cast<std::size_t>(rank)].socket.get(), encode(message),
                          fds);
    } catch (const Error&) {
        // It has ended in the meantime, which is met where its end is.
    }
}

void Membership::joined_process_ended(int rank) {
    read_what_was_said(rank);
    members_[static_cast<std::size_t>(rank)].joined_watch.reset();
    // How it ended is known to its parent alone.
    if (segment_.rank(rank).state.load() == RankState::joined) mark_ended(rank, exit_status_1);
}

void Membership::mark_ended(int rank, int wait_status) {
    Member& member = members_[static_cast<std::size_t>(rank)];
    if (std::exchange(member.is_marked, true)) return;
    member.waits_to_join = false;
    if (wiring_ != nullptr) wiring_->close(rank);
    segment_.mark_ended(rank, wait_status);
}

}  // namespace ipcrun
