// SPDX-License-Identifier: Apache-2.0
// Large operations, zero-copy and work-sharing. Every member has published where its memory lies.
// A chunk of the result is reduced or copied from its sources, while in cache, to all destinations:
// for n members n reads and n writes, the minimum. Claims are sticky: a member works on its own
// slice first, then helps the others. With more members than CPUs only as many work as there are
// CPUs, the last to arrive among them, and the sleeping ones cost nothing.
#include <algorithm>
#include <bit>

#include "runtime/collective_checks.hpp"
#include "runtime/collectives.hpp"

namespace ipcrun {

namespace {

using Kind = Collective::Kind;

constexpr std::chrono::microseconds helper_patience{20};
constexpr std::size_t slow_bytes_per_ns = 8;  // what a core gets done that is not in a hurry

}  // namespace

int Collectives::workers_max() const {
    return std::min(group_.size(), static_cast<int>(group_.control().header().cpus));
}

// From here on the operation is agreed upon: nobody departs in good order before it is done.
void Collectives::share_out(Operation& operation) {
    const std::uint32_t slot = operation.slot();
    const auto members = static_cast<std::uint32_t>(group_.size());
    // The counters only grow: everybody knows where they stood before, and nobody resets them.
    if (operation.collective.varying) {
        chunks_finished_[slot] += members;
    } else {
        operation.schedule.emplace(operation.collective, group_.size(), starts_);
        // Crowded: the first to come here, one a CPU, work. Each member counts itself once, also
        // when it comes too late, so that the counts of the next operation are right.
        if (group_.waiter().is_crowded()) {
            const std::uint32_t before =
                group_.block().works[slot].workers.fetch_add(1) - workers_before_[slot];
            operation.is_worker = before < static_cast<std::uint32_t>(workers_max());
        }
        workers_before_[slot] += members;
        chunks_finished_[slot] += operation.schedule->chunks();
    }
    operation.finish_mark = chunks_finished_[slot];
    operation.state = Operation::State::working;
    look_again();
}

bool Collectives::is_finished(const Operation& operation) const {
    return group_.block().works[operation.slot()].finished_chunks.load() == operation.finish_mark;
}

void Collectives::work(Operation& operation, Patience patience) {
    if (!operation.is_worker || (operation.collective.varying && operation.has_worked)) return;
    const bool first_time = !operation.has_worked;
    operation.has_worked = true;
    // Sequentially consistent: either a failing member sees this and waits for us, or we see the
    // alert that came before it looked.
    std::atomic<std::uint32_t>& touching = group_.member(group_.rank()).touching;
    touching.store(1);
    if (is_alerted()) look_around(operation);
    bool finished = false;
    has_places_ = false;
    if (operation.collective.varying) {
        places_.find(group_, operation.collective, operation.slot());
        pull(operation);
        finished = is_finished(operation);
    } else {
        finished = work_on_slice(operation, group_.rank());
        bool helps = true;
        if (!finished && first_time && !group_.waiter().is_crowded()) {
            if (patience == Patience::some)
                finished = was_finished_soon(operation);
            else
                helps = false;  // at the next look
        }
        // Neighbours first: where ranks share cores they share ours, and what is in its cache. Each
        // pair swaps, then each pair of pairs: so all go on from near to far.
        const auto rounds = static_cast<int>(std::bit_ceil(static_cast<unsigned>(group_.size())));
        for (int i = 1; i < rounds && helps && !finished; ++i)
            if (const int other = group_.rank() ^ i; other < group_.size())
                finished = work_on_slice(operation, other);
    }
    touching.store(0);
    // Whoever has failed, be it in the next operation, may wait for this.
    if (finished || group_.block().failure.load() != 0) group_.block().bell.ring_all();
}

// A member with a CPU of its own is about to finish, and has its slice in its cache: helping it
// would cost both more than it saves. Only who takes much longer than we did needs help.
bool Collectives::was_finished_soon(const Operation& operation) {
    const auto spin = [&] {
        for (int i = 0; i < 32; ++i) {
            if (is_finished(operation)) return true;
            Waiter::pause();
        }
        return false;
    };
    if (spin()) return true;  // mostly; and asking for the time costs as much as a small operation
    const std::size_t slice_bytes = operation.schedule->row_bytes() / group_.size();
    const auto own_time = std::chrono::nanoseconds(slice_bytes * group_.size() / slow_bytes_per_ns);
    const auto patience = Clock::now() + own_time + helper_patience;
    while (Clock::now() < patience)
        if (spin()) return true;
    return false;
}

// How many chunks to claim at a time, for every claim costs 50 ns. All that is left of a small
// slice of one's own, with a CPU for each: help would come too late. Else half of what is left, but
// no more than can be waited for when a member fails; a helper that does not expect to do all: one.
std::uint32_t Collectives::claim(const Operation& operation, int owner, std::uint32_t left) const {
    constexpr std::size_t small_bytes = 64 * 1024;
    constexpr std::size_t bytes_max = 1024 * 1024;
    const bool crowded = group_.waiter().is_crowded();
    const bool own = owner == group_.rank();
    const std::size_t chunk_bytes = operation.schedule->chunk_bytes();
    if (own && !crowded && left * chunk_bytes <= small_bytes) return left;
    if (!own && !crowded) return 1;
    const auto most = static_cast<std::uint32_t>(bytes_max / chunk_bytes);
    return std::clamp(left / 2, std::uint32_t{1}, most);
}

// Takes chunks of `owner`'s slice while there are any. True when that finished the operation.
bool Collectives::work_on_slice(const Operation& operation, int owner) {
    const std::uint32_t first = operation.schedule->first_chunk(owner);
    const std::uint32_t length = operation.schedule->first_chunk(owner + 1) - first;
    std::atomic<std::uint32_t>& next = group_.member(owner).slices[operation.slot()].next_chunk;
    std::uint32_t done = 0;
    for (;;) {
        if (is_alerted()) look_around(operation);
        // Looking before claiming spares a write to a line that all helpers pass by.
        const std::uint32_t seen = next.load(std::memory_order_relaxed);
        if (seen >= length) break;
        const std::uint32_t wanted = claim(operation, owner, length - seen);
        const std::uint32_t claimed = next.fetch_add(wanted, std::memory_order_relaxed);
        if (claimed >= length) break;
        const std::uint32_t count = std::min(wanted, length - claimed);
        group_.faults().at(FaultPoint::after_claim, operation.sequence);
        // Not before there is a claim: who comes late finds the operation finished, and what was
        // published may be gone.
        if (!has_places_) places_.find(group_, operation.collective, operation.slot());
        has_places_ = true;
        work_on_chunks(operation, first + claimed, count, first + length);
        done += count;
    }
    if (done == 0) return false;
    std::atomic<std::uint32_t>& count = group_.block().works[operation.slot()].finished_chunks;
    const std::uint32_t finished = count.fetch_add(done) + done;
    group_.faults().at(FaultPoint::after_done, operation.sequence);
    return finished == operation.finish_mark;
}

void Collectives::work_on_chunks(const Operation& operation, std::uint32_t chunk,
                                 std::uint32_t count, std::uint32_t slice_end) {
    const Schedule& schedule = *operation.schedule;
    const std::size_t next = std::size_t{slice_end - chunk - count} * schedule.chunk_bytes();
    const Faults& faults = group_.faults();
    schedule.for_each_run(chunk, count, [&](std::size_t piece, std::size_t from, std::size_t to) {
        if (!faults.is_armed())
            return work_on_run(operation, piece, from, to,
                               std::min(next, schedule.bytes(piece) - to));
        const std::size_t half = (to - from) / 2 / 64 * 64;
        if (half != 0) work_on_run(operation, piece, from, from + half, 0);
        faults.at(FaultPoint::mid_chunk, operation.sequence);
        work_on_run(operation, piece, from + half, to, 0);
    });
}

void Collectives::work_on_run(const Operation& operation, std::size_t piece, std::size_t from,
                              std::size_t to, std::size_t next_bytes) {
    const Collective& collective = operation.collective;
    const int size = group_.size();
    const std::size_t block = operation.schedule->bytes(piece);
    const auto member = static_cast<int>(piece);
    places_.begin_run();
    const auto add_source = [&](int owner, std::size_t part, std::size_t offset) {
        places_.add_source(places_.from(owner, part), offset + from);
    };
    const auto add_destination = [&](int owner, std::size_t part, std::size_t offset) {
        places_.add_destination(places_.to(owner, part), offset + from);
    };
    switch (collective.kind) {
        case Kind::barrier:
            return;
        case Kind::allreduce:
            for (int i = 0; i < size; ++i) add_source(i, piece, 0);
            for (int i = 0; i < size; ++i) add_destination(i, piece, 0);
            break;
        case Kind::reduce:
            for (int i = 0; i < size; ++i) add_source(i, piece, 0);
            add_destination(collective.root, piece, 0);
            break;
        case Kind::reduce_scatter:
            for (int i = 0; i < size; ++i) add_source(i, 0, piece * block);
            add_destination(member, 0, 0);
            break;
        case Kind::broadcast:
            add_source(collective.root, piece, 0);
            for (int i = 0; i < size; ++i)
                if (i != collective.root) add_destination(i, piece, 0);
            break;
        case Kind::allgather:
            add_source(member, 0, 0);
            for (int i = 0; i < size; ++i) add_destination(i, 0, piece * block);
            break;
        case Kind::gather:
            add_source(member, 0, 0);
            add_destination(collective.root, 0, piece * block);
            break;
        case Kind::scatter:
            add_source(collective.root, 0, piece * block);
            add_destination(member, 0, 0);
            break;
        case Kind::alltoall: {
            const auto n = static_cast<std::size_t>(size);
            add_source(static_cast<int>(piece % n), 0, piece / n * block);
            add_destination(static_cast<int>(piece / n), 0, piece % n * block);
            break;
        }
    }
    if (!is_reduction(collective.kind)) return places_.copy_run(to - from);
    const Dtype dtype = operation.schedule->dtype(piece);
    places_.reduce_run(collective.op, dtype, (to - from) / size_of(dtype),
                       next_bytes / size_of(dtype));
}

}  // namespace ipcrun
