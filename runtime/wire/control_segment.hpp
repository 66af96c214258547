// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The memory in which a node's agent and its ranks tell each other who lives, who failed, and what
/// everyone is doing. Created by the agent (or by a test that runs ranks as threads), mapped by
/// all. What communicators keep behind it is theirs (runtime/communicator_block.hpp).

#include <array>
#include <atomic>
#include <cstdint>
#include <memory>
#include <optional>
#include <string>
#include <string_view>

#include "base/mapping.hpp"
#include "runtime/wire/doorbell.hpp"

namespace ipcrun {

constexpr std::uint64_t control_magic = 0x6e75'7263'7069'0006;  // "ipcrun", layout 6
constexpr int node_ranks_max = 4096;
constexpr std::uint32_t op_ring_entries = 32;
/// What a communicator's block may take up, so that the size of this memory follows from the number
/// of ranks: bytes for each member, and for each pair of members (a channel for messages).
constexpr std::uint64_t member_bytes_max = 16 << 10;
constexpr std::uint64_t pair_bytes_max = 128;

/// What a rank is, seen from its node. Only ever moves down this list.
enum class RankState : std::uint32_t {
    absent,  ///< not started, or started and not (yet) joined: programs that ignore us stay here
    joined,  ///< mapped this memory and may take part in operations
    left,    ///< said goodbye (ipc.world closed, or a clean end of the program)
    exited,  ///< ended with status 0; its memory is not touched any more
    failed,  ///< ended otherwise, or was given up; its memory is not touched any more
};

/// What an operation is: equal on all ranks of a communicator, or the call is an error on all.
struct Fingerprint {
    /// Bits of `flags`: `shape` is a hash of a list of parts, or of a count and what the
    /// value is to the caller (`laid_out`); counts differ between members; the
    /// operation is a step of split; between hosts: the result must not depend on who is where.
    static constexpr std::uint8_t many_parts = 1, varying = 2, splits = 4, laid_out = 8,
                                  deterministic = 16;

    std::uint8_t kind = 0;
    std::uint8_t op = 0;
    std::uint8_t dtype = 0;
    std::uint8_t flags = 0;
    std::uint32_t root = 0;
    std::uint64_t shape = 0;  ///< elements; or a hash of many parts, with a flag
    bool operator==(const Fingerprint&) const = default;
};
static_assert(sizeof(Fingerprint) == 16);

/// One line of a rank's diary: what it called last, where. Written by the rank alone; others read
/// it to explain a failure and may see a line in the making, so they take it as a hint.
struct OpRecord {
    std::atomic<std::uint32_t> sequence;      ///< of the operation in its communicator, from 1
    std::atomic<std::uint32_t> communicator;  ///< id; the world is 0
    Fingerprint fingerprint;
    std::uint32_t line;
    std::atomic<std::uint32_t> busy;  ///< 1 while a thread of the rank writes it
    char file[96];                    ///< the end of the caller's file name, ended by a zero
};
static_assert(sizeof(OpRecord) == 128);

/// May this rank read and write private memory of its peers through the kernel?
enum class PeerAccess : std::uint32_t { unknown, works, refused };

/// Where the launcher put a rank: numbers that ranks of one package (NUMA node, ...) have in
/// common; 0 when it may run in several. Written before any rank is there, and not changed.
struct RankPlace {
    std::uint32_t package = 0, numa = 0, last_level_cache = 0, l2 = 0, core = 0;
    std::uint32_t tree_parent = 0;  ///< 1 + its parent in the tree of the world; 0: it is the root
};

struct alignas(64) RankSlot {
    std::atomic<RankState> state;
    std::atomic<std::int32_t> pid;          ///< of the process that joined
    std::atomic<std::int32_t> wait_status;  ///< as waitpid(2) gives it, once exited or failed
    std::atomic<std::uint32_t>
        op_count;  ///< operations begun; the last is ring[(op_count - 1) % …]
    RankPlace place;
    std::atomic<PeerAccess> peer_access;
    std::atomic<std::int32_t> memory_pid;      ///< for peers that read its private memory
    std::atomic<std::uint64_t> probe_address;  ///< of a byte that they may try to read
    /// Blocks of this rank's arena that others have freed: the last one (1 + offset; 0: none),
    /// whose first eight bytes name the one before. See runtime/heap.hpp.
    alignas(64) std::atomic<std::uint64_t> returned;
    alignas(64) OpRecord ring[op_ring_entries];
};

/// What the processes of one job know and nobody else does: the key of their connections.
using JobSecret = std::array<std::uint8_t, 32>;

struct ControlHeader {
    std::uint64_t magic;
    std::uint32_t ranks;            ///< ranks on this node
    std::uint32_t cpus;             ///< whole CPUs that they may keep busy together, at least 1
    std::uint64_t arena_bytes;      ///< of the shared heap, per rank
    std::uint64_t world_offset;     ///< of the world's communicator block in this memory
    std::uint64_t messages_offset;  ///< of the same members' block for messages alone
    std::uint64_t steps_offset;     ///< and for their part in what ranks of several hosts do
    JobSecret secret;               ///< zeros: none. Written before anybody else maps this
    std::uint32_t doorbell_mark;    ///< of this memory at its doorbell; 0: none
    /// Changes whenever a waiter should look around: a rank ended, a communicator failed, a member
    /// closed one, or a report was asked for. Sleepers sleep on it beside whatever they wait for.
    alignas(64) std::atomic<std::uint32_t> alert;
    /// Counts the reports asked for; a waiting rank calls its report call-back when it changes.
    std::atomic<std::uint32_t> reports;
    /// 1 + the rank that failed before all others; 0 while none has.
    std::atomic<std::uint32_t> first_failed;
    /// Communicators made so far beside the world, the memory that was ever taken for them, and by
    /// the power of two of their size those that are free again: see communicator_blocks.cpp.
    alignas(64) std::atomic<std::uint32_t> communicators;
    std::atomic<std::uint64_t> blocks_bytes;
    std::atomic<std::uint64_t> free_blocks[40];
};

class ControlSegment {
  public:
    /// Creates the memory for `ranks` ranks that share `cpus` CPUs, each with `arena_bytes` of the
    /// shared heap. The descriptor is for handing on to ranks. Sparse: what no communicator uses
    /// costs address space only. `doorbell_mark`: see Doorbell::ring().
    static UniqueFd create(int ranks, int cpus, std::uint64_t arena_bytes,
                           std::uint32_t doorbell_mark = 0);

    /// The size for `ranks`: the world, that for messages alone, seven more communicators of their
    /// size, and 1 GiB for smaller ones.
    static std::uint64_t bytes_for(int ranks);

    /// Maps what `create` made; throws Error{protocol} when it is something else.
    explicit ControlSegment(int fd);

    ControlHeader& header() const { return *reinterpret_cast<ControlHeader*>(mapping_.data()); }
    int ranks() const { return static_cast<int>(header().ranks); }
    RankSlot& rank(int index) const;
    /// The memory from `offset` on, for communicators.
    std::byte* at(std::uint64_t offset) const { return mapping_.data() + offset; }
    std::uint64_t bytes() const { return mapping_.bytes(); }

    /// Before this is shared with others.
    void set_secret(const JobSecret& secret) const { header().secret = secret; }
    /// nullopt when none was set.
    std::optional<JobSecret> secret() const;

    /// Wakes every waiter of the node, so that it looks around.
    void raise_alert() const;

    /// From now on `rank` also sleeps on a doorbell, which whoever rings for it or raises the alert
    /// must ring, too. To be called before this is shared with other threads.
    void add_doorbell(int rank, std::shared_ptr<Doorbell> doorbell);
    /// What `rank` also sleeps on; null when it has none.
    Bell* doorbell_of(int rank) const {
        return rank == doorbell_rank_ ? &doorbell_->bell() : nullptr;
    }
    /// Wakes `rank` where it sleeps on its doorbell; does nothing where it has none.
    void ring_doorbell(int rank) const {
        if (doorbell_ != nullptr && rank == doorbell_rank_) doorbell_->ring(header().doorbell_mark);
    }

    /// Records that the process of `index` has ended (and been reaped: it touches nothing any more)
    /// and wakes all. `wait_status` as from waitpid(2): status 0 makes it exited, others
    /// failed.
    void mark_ended(int index, int wait_status) const;

  private:
    Mapping mapping_;
    int doorbell_rank_ = -1;
    std::shared_ptr<Doorbell> doorbell_;
};

/// "exit status 3", "signal 9 (Killed)": how a process ended.
std::string describe_wait_status(int wait_status);

/// The exit status that stands for it: the status itself, or 128 + signal.
int exit_status_of(int wait_status);

}  // namespace ipcrun
