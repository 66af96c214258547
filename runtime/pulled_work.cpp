// SPDX-License-Identifier: Apache-2.0
// Operations whose counts differ from member to member: nobody knows in advance what there is, so
// every member fetches its own result from where the others published theirs. It is done when all
// have fetched.
#include <algorithm>
#include <bit>
#include <numeric>

#include "runtime/collective_checks.hpp"
#include "runtime/collectives.hpp"

namespace ipcrun {

namespace {

using Kind = Collective::Kind;

constexpr std::size_t pulled_at_once = 256 * 1024;  // bytes between two looks at the alert

// What all members published, in numbers of elements.
class Counts {
  public:
    Counts(Group& group, const Collective& collective, std::uint32_t slot) {
        const std::size_t counts = collective.from_counts.size() + collective.to_counts.size();
        published_.reserve(static_cast<std::size_t>(group.size()));
        for (int member = 0; member < group.size(); ++member)
            published_.emplace_back(group.member(member).arrivals[slot].payload, group.memory(),
                                    published_numbers(true, counts));
    }
    int size() const { return static_cast<int>(published_.size()); }
    std::uint64_t to(int member) const { return published_[member].number(0); }
    std::uint64_t from(int member) const { return published_[member].number(1); }
    std::uint64_t from_for(int member, int other) const {
        return published_[member].number(2 + static_cast<std::size_t>(other));
    }
    std::uint64_t to_of(int member, int other) const {
        return published_[member].number(2 + static_cast<std::size_t>(size() + other));
    }

    template <typename Of>
    std::uint64_t sum(int members, Of of) const {
        std::uint64_t total = 0;
        for (int member = 0; member < members; ++member) total += of(member);
        return total;
    }

  private:
    std::vector<Publication> published_;
};

[[noreturn]] void disagree(int member, const std::string& text) {
    throw Error(ErrorCode::mismatch, "ranks disagree: " + text, 0, member);
}

// The same on all members, for all compare the same numbers.
void verify_counts(const Collective& collective, const Counts& counts) {
    const int n = counts.size();
    const auto from = [&](int member) { return counts.from(member); };
    const auto to = [&](int member) { return counts.to(member); };
    const auto check_result = [&](int member, std::uint64_t total) {
        if (counts.to(member) != total)
            disagree(member,
                     fmt::format("rank {} expects {} elements of {}, the members give {}", member,
                                 counts.to(member), name_of(collective.kind), total));
    };
    const auto check_source = [&](int member, std::uint64_t total) {
        if (counts.from(member) != total)
            disagree(member,
                     fmt::format("rank {} gives {} elements to {}, the members expect {}", member,
                                 counts.from(member), name_of(collective.kind), total));
    };
    switch (collective.kind) {
        case Kind::allgather:
            for (int member = 0; member < n; ++member) check_result(member, counts.sum(n, from));
            return;
        case Kind::gather:
            return check_result(collective.root, counts.sum(n, from));
        case Kind::scatter:
            return check_source(collective.root, counts.sum(n, to));
        case Kind::reduce_scatter:
            for (int member = 0; member < n; ++member) check_source(member, counts.sum(n, to));
            return;
        default:
            for (int giver = 0; giver < n; ++giver)
                for (int taker = 0; taker < n; ++taker)
                    if (counts.from_for(giver, taker) != counts.to_of(taker, giver))
                        disagree(taker,
                                 fmt::format("rank {} gives {} elements to rank {}, which expects "
                                             "{}",
                                             giver, counts.from_for(giver, taker), taker,
                                             counts.to_of(taker, giver)));
    }
}

}  // namespace

void Collectives::pull(Operation& operation) {
    const std::uint32_t slot = operation.slot();
    try {
        verify_counts(operation.collective, Counts(group_, operation.collective, slot));
        group_.faults().at(FaultPoint::after_claim, operation.sequence);
        if (gets(operation.collective, group_.rank())) pull_blocks(operation);
    } catch (const Error& error) {
        if (group_.has_given_up() || error.code != ErrorCode::mismatch) throw;
        operation.verdict = error;  // to be raised when nobody reads what we published any more
    }
    group_.block().works[slot].finished_chunks.fetch_add(1);
    group_.faults().at(FaultPoint::after_done, operation.sequence);
}

void Collectives::pull_blocks(const Operation& operation) {
    const Collective& collective = operation.collective;
    const Counts counts(group_, collective, operation.slot());
    const int rank = group_.rank();
    const std::size_t element = size_of(collective.to[0].dtype);
    std::byte* result = operation.staging.own_result();
    const Faults& faults = group_.faults();
    const auto in_pieces = [&](std::size_t bytes, std::size_t piece, auto move) {
        for (std::size_t at = 0; at < bytes; at += piece) {
            if (is_alerted()) look_around(operation);
            places_.begin_run();
            move(at, std::min(piece, bytes - at));
            faults.at(FaultPoint::mid_chunk, operation.sequence);
        }
    };
    const auto copy_block = [&](int member, std::size_t skip, std::size_t count) {
        in_pieces(count * element, pulled_at_once, [&](std::size_t at, std::size_t bytes) {
            places_.add_source(places_.from(member, 0), skip * element + at);
            places_.add_destination({result, {}, 0}, at);
            places_.copy_run(bytes);
        });
        result += count * element;
    };
    switch (collective.kind) {
        case Kind::allgather:
        case Kind::gather:
            for (int member = 0; member < counts.size(); ++member)
                copy_block(member, 0, counts.from(member));
            return;
        case Kind::scatter:
            return copy_block(collective.root,
                              counts.sum(rank, [&](int member) { return counts.to(member); }),
                              counts.to(rank));
        case Kind::alltoall:
            for (int member = 0; member < counts.size(); ++member)
                copy_block(
                    member,
                    counts.sum(rank, [&](int other) { return counts.from_for(member, other); }),
                    counts.from_for(member, rank));
            return;
        default: {
            const std::size_t skip =
                element * counts.sum(rank, [&](int member) { return counts.to(member); });
            // Between two looks as many bytes are read as where blocks are copied.
            const std::size_t piece =
                std::max(pulled_at_once / std::bit_ceil(static_cast<std::size_t>(counts.size())),
                         std::size_t{4096});
            in_pieces(counts.to(rank) * element, piece, [&](std::size_t at, std::size_t bytes) {
                for (int member = 0; member < counts.size(); ++member)
                    places_.add_source(places_.from(member, 0), skip + at);
                places_.add_destination({result, {}, 0}, at);
                places_.reduce_run(collective.op, collective.to[0].dtype, bytes / element, 0);
            });
        }
    }
}

}  // namespace ipcrun
