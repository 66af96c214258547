// SPDX-License-Identifier: Apache-2.0
#include "runtime/peer_memory.hpp"

#include <sys/uio.h>
#include <unistd.h>

#include <cerrno>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

constexpr char probe_value = 'i';
char probe_byte = probe_value;

using Transfer = ssize_t(pid_t, const iovec*, unsigned long, const iovec*, unsigned long,
                         unsigned long);

void transfer(Transfer* call, const char* attempt, const PeerMemory& peer, std::uint64_t address,
              std::byte* local, std::size_t bytes) {
    while (bytes > 0) {
        const iovec here{local, bytes};
        const iovec there{reinterpret_cast<void*>(address), bytes};
        const ssize_t moved = call(peer.slot->memory_pid.load(), &here, 1, &there, 1, 0);
        if (moved < 0 && errno == EINTR) continue;
        // A process that is going has no memory any more.
        if (moved < 0 && (errno == ESRCH || errno == EFAULT || errno == EIO))
            throw Error(ErrorCode::peer_lost,
                        fmt::format("{}: its process has ended, or its memory is gone", attempt), 0,
                        peer.member);
        if (moved <= 0) fail_errno(errno, attempt);
        local += moved;
        address += static_cast<std::uint64_t>(moved);
        bytes -= static_cast<std::size_t>(moved);
    }
}

}  // namespace

void offer_peer_access(RankSlot& own) {
    own.probe_address.store(reinterpret_cast<std::uint64_t>(&probe_byte));
    own.memory_pid.store(static_cast<std::int32_t>(::getpid()));
}

void probe_peer_access(RankSlot& own, const RankSlot& peer) {
    if (own.peer_access.load(std::memory_order_relaxed) != PeerAccess::unknown) return;
    char byte = 0;
    const iovec here{&byte, 1};
    const iovec there{reinterpret_cast<void*>(peer.probe_address.load()), 1};
    const pid_t pid = peer.memory_pid.load();
    // A filter may allow one and not the other. What is written is what is there.
    const bool works = ::process_vm_readv(pid, &here, 1, &there, 1, 0) == 1 &&
                       byte == probe_value && ::process_vm_writev(pid, &here, 1, &there, 1, 0) == 1;
    // Another thread may have been told otherwise: what is refused stays refused.
    auto unknown = PeerAccess::unknown;
    own.peer_access.compare_exchange_strong(unknown,
                                            works ? PeerAccess::works : PeerAccess::refused);
}

void read_peer(const PeerMemory& peer, std::uint64_t address, std::byte* to, std::size_t bytes) {
    transfer(::process_vm_readv, "read the memory of a peer", peer, address, to, bytes);
}

void write_peer(const PeerMemory& peer, std::uint64_t address, const std::byte* from,
                std::size_t bytes) {
    // The kernel only reads from here.
    transfer(::process_vm_writev, "write to the memory of a peer", peer, address,
             const_cast<std::byte*>(from), bytes);
}

}  // namespace ipcrun
