// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/control_segment.hpp"

#include <sys/wait.h>

#include <bit>
#include <cstring>

#include "base/fail.hpp"
#include "base/futex.hpp"

namespace ipcrun {

namespace {

constexpr std::uint64_t world_sized_communicators = 10;
constexpr std::uint64_t small_communicators_bytes = 1ull << 30;

constexpr std::uint64_t round_up(std::uint64_t value, std::uint64_t unit) {
    return (value + unit - 1) / unit * unit;
}

constexpr std::uint64_t slots_offset = round_up(sizeof(ControlHeader), alignof(RankSlot));

constexpr std::uint64_t world_offset_for(int ranks) {
    return round_up(slots_offset + static_cast<std::uint64_t>(ranks) * sizeof(RankSlot), 4096);
}

// Blocks take a power of two.
constexpr std::uint64_t world_bytes_for(int ranks) {
    const auto n = static_cast<std::uint64_t>(ranks);
    return std::bit_ceil(n * member_bytes_max + n * n * pair_bytes_max);
}

}  // namespace

std::uint64_t ControlSegment::bytes_for(int ranks) {
    return world_offset_for(ranks) + world_sized_communicators * world_bytes_for(ranks) +
           small_communicators_bytes;
}

UniqueFd ControlSegment::create(int ranks, int cpus, std::uint64_t arena_bytes,
                                std::uint32_t doorbell_mark) {
    check(ranks >= 1 && ranks <= node_ranks_max && cpus >= 1, "a control segment without ranks");
    UniqueFd fd = create_memfd("ipcrun-control", bytes_for(ranks));
    Mapping mapping(fd.get(), 0, sizeof(ControlHeader));
    auto* header = reinterpret_cast<ControlHeader*>(mapping.data());
    header->magic = control_magic;
    header->ranks = static_cast<std::uint32_t>(ranks);
    header->cpus = static_cast<std::uint32_t>(cpus);
    header->arena_bytes = arena_bytes;
    header->world_offset = world_offset_for(ranks);
    header->messages_offset = header->world_offset + world_bytes_for(ranks);
    header->steps_offset = header->messages_offset + world_bytes_for(ranks);
    header->doorbell_mark = doorbell_mark;
    return fd;
}

ControlSegment::ControlSegment(int fd) {
    const std::uint64_t bytes = memfd_bytes(fd);
    if (bytes < bytes_for(1))
        fail(ErrorCode::protocol, "map the control segment: it has the wrong size");
    mapping_ = Mapping(fd, 0, bytes);
    const ControlHeader& head = header();
    if (head.magic != control_magic || head.ranks < 1 || head.ranks > node_ranks_max ||
        bytes != bytes_for(static_cast<int>(head.ranks)))
        fail(ErrorCode::protocol,
             "map the control segment: it was made by another version of ipcrun");
}

RankSlot& ControlSegment::rank(int index) const {
    check(index >= 0 && index < ranks(), "a rank that this node does not have");
    return reinterpret_cast<RankSlot*>(mapping_.data() + slots_offset)[index];
}

std::optional<JobSecret> ControlSegment::secret() const {
    const JobSecret& secret = header().secret;
    if (secret == JobSecret{}) return std::nullopt;
    return secret;
}

void ControlSegment::raise_alert() const {
    header().alert.fetch_add(1);
    futex_wake_all(header().alert);
    ring_doorbell(doorbell_rank_);
}

void ControlSegment::add_doorbell(int rank, std::shared_ptr<Doorbell> doorbell) {
    doorbell_rank_ = rank;
    doorbell_ = std::move(doorbell);
}

void ControlSegment::mark_ended(int index, int wait_status) const {
    RankSlot& slot = rank(index);
    slot.wait_status.store(wait_status);
    slot.state.store(wait_status == 0 ? RankState::exited : RankState::failed);
    std::uint32_t nobody = 0;
    if (wait_status != 0)
        header().first_failed.compare_exchange_strong(nobody,
                                                      static_cast<std::uint32_t>(index) + 1);
    raise_alert();
}

std::string describe_wait_status(int wait_status) {
    if (WIFSIGNALED(wait_status))
        return fmt::format("signal {} ({})", WTERMSIG(wait_status),
                           ::strsignal(WTERMSIG(wait_status)));
    return fmt::format("exit status {}", WEXITSTATUS(wait_status));
}

int exit_status_of(int wait_status) {
    return WIFSIGNALED(wait_status) ? 128 + WTERMSIG(wait_status) : WEXITSTATUS(wait_status);
}

}  // namespace ipcrun
