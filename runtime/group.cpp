// SPDX-License-Identifier: Apache-2.0
#include "runtime/group.hpp"

#include <algorithm>
#include <cstring>

#include "base/fail.hpp"
#include "runtime/collective_checks.hpp"
#include "runtime/peer_memory.hpp"

namespace ipcrun {

Group::Group(std::shared_ptr<Heap> heap, Identity identity, Faults faults, AskForEnd ask_for_end)
    : heap_(std::move(heap)),
      memory_(*heap_->memory()),
      control_(memory_.control()),
      identity_(std::move(identity)),
      block_(*reinterpret_cast<CommunicatorBlock*>(control_.at(identity_.block_offset))),
      waiter_(control_.header(), control_.header().ranks > control_.header().cpus),
      faults_(std::move(faults)),
      ask_for_end_(std::move(ask_for_end)),
      sequence_(identity_.sequence) {
    check(identity_.block_offset + CommunicatorBlock::bytes(identity_.members.size()) <=
              control_.bytes(),
          "a communicator beyond the control segment");
    offer_peer_access(slot(rank()));
}

bool Group::has_peer_access() {
    if (peer_access_ != PeerAccess::unknown) return peer_access_ == PeerAccess::works;
    auto all = PeerAccess::works;
    for (int other = 0; other < size() && all == PeerAccess::works; ++other)
        all = slot(other).peer_access.load();
    peer_access_ = all;
    return all == PeerAccess::works;
}

void Group::learn_peer_access() {
    if (size() > 1) probe_peer_access(slot(rank()), slot((rank() + 1) % size()));
}

void Group::check_usable() const {
    if (failure_) throw *failure_;
    if (!heap_->is_open())
        fail(ErrorCode::usage, "take part in an operation: a child after fork() is no rank");
}

void Group::record(const Fingerprint& print, std::uint32_t sequence, CallSite site) {
    RankSlot& own = slot(rank());
    // Several threads of a rank may be writing, each for a communicator of its own.
    const std::uint32_t number = own.op_count.fetch_add(1, std::memory_order_relaxed);
    OpRecord& entry = own.ring[number % op_ring_entries];
    // One of them may be a whole diary behind another. Then this call goes without a line.
    if (entry.busy.exchange(1, std::memory_order_acquire) != 0) return;
    entry.communicator.store(identity_.id, std::memory_order_relaxed);
    entry.fingerprint = print;
    entry.line = static_cast<std::uint32_t>(site.line);
    const std::size_t length = std::strlen(site.file);
    const std::size_t kept = std::min(length, sizeof entry.file - 1);
    std::memcpy(entry.file, site.file + (length - kept), kept);
    entry.file[kept] = '\0';
    entry.sequence.store(sequence, std::memory_order_release);
    entry.busy.store(0, std::memory_order_release);
}

const OpRecord* Group::find_record(int member, std::uint32_t sequence) const {
    for (const OpRecord& entry : slot(member).ring)
        if (entry.communicator.load() == identity_.id && entry.sequence.load() == sequence)
            return &entry;
    return nullptr;
}

std::string Group::describe_call(int member, std::uint32_t sequence) const {
    const OpRecord* const entry = find_record(member, sequence);
    if (entry == nullptr) return "an operation";
    return fmt::format("{} at {}:{}", ipcrun::describe(entry->fingerprint), entry->file,
                       entry->line);
}

}  // namespace ipcrun
