// SPDX-License-Identifier: Apache-2.0
#include "runtime/communicator.hpp"

#include <algorithm>
#include <cstring>

#include "base/error.hpp"

namespace ipcrun {

Communicator::Communicator(std::shared_ptr<Heap> heap, Identity identity, Faults faults)
    : heap_(std::move(heap)),
      memory_(*heap_->memory()),
      control_(memory_.control()),
      identity_(std::move(identity)),
      block_(*reinterpret_cast<CommunicatorBlock*>(control_.at(identity_.block_offset))),
      waiter_(control_.header(), control_.header().ranks > control_.header().cpus),
      faults_(std::move(faults)),
      sequence_(identity_.sequence) {
    check(identity_.block_offset + CommunicatorBlock::bytes(size()) <= control_.bytes(),
          "a communicator beyond the control segment");
    run_.reserve(identity_.members.size());
}

Arrival& Communicator::arrival_of(int member, std::uint32_t sequence) const {
    return block_.member(member).arrivals[sequence & 1];
}

void Communicator::begin(Operation& operation) {
    if (failure_) throw *failure_;
    if (!heap_->is_open())
        fail(ErrorCode::usage, "take part in an operation: a child after fork() is no rank");
    operation.sequence = ++sequence_;
    first_missing_ = 0;
    look_again();
    RankSlot& slot = control_.rank(identity_.members[rank()]);
    const std::uint32_t number = slot.op_count.load(std::memory_order_relaxed);
    OpRecord& record = slot.ring[number % op_ring_entries];
    record.communicator.store(identity_.id, std::memory_order_relaxed);
    record.fingerprint = operation.fingerprint;
    record.line = static_cast<std::uint32_t>(operation.site.line);
    const std::size_t length = std::strlen(operation.site.file);
    const std::size_t kept = std::min(length, sizeof record.file - 1);
    std::memcpy(record.file, operation.site.file + (length - kept), kept);
    record.file[kept] = '\0';
    record.sequence.store(operation.sequence, std::memory_order_relaxed);
    slot.op_count.store(number + 1, std::memory_order_release);
    arrival_of(rank(), operation.sequence).fingerprint = operation.fingerprint;
}

bool Communicator::has_arrived(int member, std::uint32_t sequence) const {
    return arrival_of(member, sequence).sequence.load() == sequence;
}

bool Communicator::all_arrived(std::uint32_t sequence) {
    while (first_missing_ < size() && has_arrived(first_missing_, sequence)) ++first_missing_;
    return first_missing_ == size();
}

void Communicator::arrive(const Operation& operation, int wake_count) {
    faults_.at(FaultPoint::after_publish, operation.sequence);
    // Sequentially consistent: of the last two to arrive, one at least sees all others here.
    arrival_of(rank(), operation.sequence).sequence.exchange(operation.sequence);
    faults_.at(FaultPoint::after_arrive, operation.sequence);
    if (all_arrived(operation.sequence)) {
        try {
            verify(operation);
        } catch (const Error&) {
            block_.bell.ring_all();  // all must hear of it, not only helpers
            throw;
        }
        block_.bell.ring(wake_count);
    }
}

void Communicator::verify(const Operation& operation) const {
    for (int member = 0; member < size(); ++member) {
        const Fingerprint& first = arrival_of(0, operation.sequence).fingerprint;
        if (arrival_of(member, operation.sequence).fingerprint == first) [[likely]]
            continue;
        const Fingerprint& other = arrival_of(member, operation.sequence).fingerprint;
        const bool by_hash = first.kind == other.kind && first.flags != 0 && other.flags != 0 &&
                             first.shape != other.shape;
        throw Error(
            ErrorCode::mismatch,
            fmt::format("ranks disagree: rank 0 calls {}, rank {} calls {}{}",
                        describe_call(0, operation.sequence), member,
                        describe_call(member, operation.sequence),
                        by_hash ? "; their values differ in number, shape, type or keys" : ""),
            0, member);
    }
}

void Communicator::barrier(Deadline deadline, CallSite site) {
    Operation operation{fingerprint(Kind::barrier, {}, Op::sum, 0), deadline, site};
    begin(operation);
    meet(operation, size());
}

void Communicator::meet(const Operation& operation, int wake_count) {
    arrive(operation, wake_count);
    wait_for(operation, [&] { return all_arrived(operation.sequence); });
    // All came, but one may have given up since: then its memory must not be touched any more.
    if (is_alerted()) look_around(operation);
    verify(operation);
}

}  // namespace ipcrun
