// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_counts.hpp"

#include <array>
#include <limits>
#include <numeric>

#include "base/fail.hpp"
#include "runtime/world/host_reduce.hpp"

namespace ipcrun {

namespace {

using Kind = Collective::Kind;

struct Told {
    std::uint64_t from, to;  // elements that a member gives, and that it has room for
};

std::vector<Told> tell_all(const HostOperation& operation, Told own) {
    std::vector<Told> all(static_cast<std::size_t>(operation.layout.size()));
    constexpr std::size_t numbers = sizeof(Told) / sizeof(std::uint64_t);
    const Part from{&own, numbers, Dtype::i64};
    const Part to{all.data(), numbers * all.size(), Dtype::i64};
    allgather_over_hosts(operation, Collective::allgather(from, to),
                         BlockCounts(all.size(), numbers));
    return all;
}

[[noreturn]] void disagree(int member, const std::string& text) {
    throw Error(ErrorCode::mismatch, "ranks disagree: " + text, 0, member);
}

void check_result(const Collective& collective, int member, std::uint64_t has,
                  std::uint64_t total) {
    if (has != total)
        disagree(member, fmt::format("rank {} expects {} elements of {}, the members give {}",
                                     member, has, name_of(collective.kind), total));
}

void check_source(const Collective& collective, int member, std::uint64_t gives,
                  std::uint64_t total) {
    if (gives != total)
        disagree(member, fmt::format("rank {} gives {} elements to {}, the members expect {}",
                                     member, gives, name_of(collective.kind), total));
}

}  // namespace

// The same on all members, for all compare the same numbers.
BlockCounts find_block_counts(const HostOperation& operation, const Collective& collective) {
    const auto size = static_cast<std::size_t>(operation.layout.size());
    const Kind kind = collective.kind;
    const Part& from = collective.from[0];
    const Part& to = collective.to[0];
    const bool gives_block = kind == Kind::allgather || kind == Kind::gather;
    if (!collective.varying) return BlockCounts(size, gives_block ? from.count : to.count);
    const std::vector<Told> all = tell_all(operation, {from.count, to.count});
    BlockCounts counts;
    for (const Told& told : all) counts.push_back(gives_block ? told.from : told.to);
    const std::uint64_t total = std::accumulate(counts.begin(), counts.end(), std::uint64_t{0});
    for (int member = 0; member < operation.layout.size(); ++member) {
        const Told& told = all[static_cast<std::size_t>(member)];
        const bool is_root = member == collective.root;
        if (kind == Kind::allgather || (kind == Kind::gather && is_root))
            check_result(collective, member, told.to, total);
        if (kind == Kind::reduce_scatter || (kind == Kind::scatter && is_root))
            check_source(collective, member, told.from, total);
    }
    return counts;
}

// Of all that differ the pair with the lowest numbers, which all members hear of.
void verify_alltoall_counts(const HostOperation& operation, const Collective& collective) {
    const auto size = static_cast<std::uint64_t>(operation.layout.size());
    const std::vector<std::uint64_t> given(collective.from_counts.begin(),
                                           collective.from_counts.end());
    std::vector<std::uint64_t> offered(size);
    const std::vector<std::size_t> ones(size, 1);
    alltoall_over_hosts(operation, {const_cast<std::uint64_t*>(given.data()), size, Dtype::i64},
                        {offered.data(), size, Dtype::i64}, {ones, ones});
    constexpr auto none = std::numeric_limits<std::int64_t>::max();
    std::int64_t worst = none;
    for (std::uint64_t giver = 0; giver < size && worst == none; ++giver)
        if (offered[giver] != collective.to_counts[giver])
            worst = static_cast<std::int64_t>(giver * size +
                                              static_cast<std::uint64_t>(operation.layout.own));
    const auto agree_on = [&](std::span<std::int64_t> numbers, Op op) {
        const Part part{numbers.data(), numbers.size(), Dtype::i64};
        reduce_over_hosts(operation, {&part, 1}, {&part, 1}, op, 0);
        broadcast_over_hosts(operation, {&part, 1}, 0);
    };
    const std::int64_t own = worst;
    agree_on({&worst, 1}, Op::min);
    if (worst == none) return;
    const auto giver = static_cast<std::uint64_t>(worst) / size;
    std::array<std::int64_t, 2> numbers = {0, 0};
    if (own == worst)
        numbers = {static_cast<std::int64_t>(offered[giver]),
                   static_cast<std::int64_t>(collective.to_counts[giver])};
    agree_on(numbers, Op::bor);
    const int taker = static_cast<int>(static_cast<std::uint64_t>(worst) % size);
    disagree(taker, fmt::format("rank {} gives {} elements to rank {}, which expects {}", giver,
                                numbers[0], taker, numbers[1]));
}

}  // namespace ipcrun
