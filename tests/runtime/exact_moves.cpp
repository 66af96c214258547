// SPDX-License-Identifier: Apache-2.0
#include "base/fail.hpp"
#include "tests/runtime/exact_cases.hpp"

namespace ipcrun::test {

namespace {

// What member `giver` has for member `taker`; taker -1: for all.
std::uint64_t seed_of(int giver, int taker) {
    return static_cast<std::uint64_t>(giver) * 1000 + static_cast<std::uint64_t>(taker + 1);
}

void append(Bytes& bytes, const Bytes& more) {
    bytes.insert(bytes.end(), more.begin(), more.end());
}

// One operation: what is given, what must come of it.
struct Trial {
    Self self;
    Dtype dtype;
    Where where_from, where_to;

    int rank() const { return self.world.rank(); }
    int size() const { return self.world.size(); }

    std::size_t elements(const Bytes& bytes) const { return bytes.size() / size_of(dtype); }

    // `make` makes the Collective of two parts. Members that get nothing expect nothing to change.
    template <typename Make>
    void run(const Bytes& given, const Bytes& expected, bool gets, const char* kind,
             Make make) const {
        Buffer from(self, where_from, dtype, elements(given));
        Buffer to(self, where_to, dtype, elements(expected));
        from.put(given);
        const Bytes before = to.get();
        self.world.run(make(from.part(), to.part()));
        const auto name = [&] {
            return fmt::format("{}({} to {} {}) from {} to {} memory of {} ranks, rank {}", kind,
                               elements(given), elements(expected), ipcrun::name_of(dtype),
                               test::name_of(where_from), test::name_of(where_to), size(), rank());
        };
        expect(from.get() == given, name() + ": changed what it was given");
        expect(to.get() == (gets ? expected : before), name() + ": other bits than expected");
        expect(from.is_untouched_around() && to.is_untouched_around(), name() + ": wrote beside");
    }
    // The blocks that all members have for this one, or that `giver` has for all.
    template <typename Count>
    Bytes of_all(int taker, Count count) const {
        Bytes result;
        for (int member = 0; member < size(); ++member)
            append(result, pattern(dtype, count(member), seed_of(member, taker)));
        return result;
    }
    template <typename Count>
    Bytes for_all(int giver, Count count) const {
        Bytes result;
        for (int member = 0; member < size(); ++member)
            append(result, pattern(dtype, count(member), seed_of(giver, member)));
        return result;
    }
};

void check_broadcast(const Trial& trial, std::size_t count, int root) {
    Buffer buffer(trial.self, trial.where_from, trial.dtype, count);
    buffer.put(pattern(trial.dtype, count, seed_of(trial.rank(), -1)));
    trial.self.world.broadcast({&buffer.part(), 1}, root);
    expect(buffer.get() == pattern(trial.dtype, count, seed_of(root, -1)),
           fmt::format("broadcast({} {}) in {} memory: other bits than expected", count,
                       ipcrun::name_of(trial.dtype), test::name_of(trial.where_from)));
    expect(buffer.is_untouched_around(), "broadcast: wrote beside it");
}

}  // namespace

void check_moves(Self self, Dtype dtype, std::size_t count, Where from, Where to) {
    const Trial trial{self, dtype, from, to};
    const int rank = trial.rank();
    const int root = (static_cast<int>(count) + 1) % trial.size();
    const bool is_root = rank == root;
    const auto equal = [&](int) { return count; };
    const Bytes own = pattern(dtype, count, seed_of(rank, -1));
    const Bytes nothing;
    check_broadcast(trial, count, root);
    trial.run(own, trial.of_all(-1, equal), true, "allgather",
              [](const Part& given, const Part& got) { return Collective::allgather(given, got); });
    trial.run(
        own, is_root ? trial.of_all(-1, equal) : nothing, is_root, "gather",
        [&](const Part& given, const Part& got) { return Collective::gather(given, got, root); });
    trial.run(
        is_root ? trial.for_all(root, equal) : nothing, pattern(dtype, count, seed_of(root, rank)),
        true, "scatter",
        [&](const Part& given, const Part& got) { return Collective::scatter(given, got, root); });
    trial.run(trial.for_all(rank, equal), trial.of_all(rank, equal), true, "alltoall",
              [](const Part& given, const Part& got) { return Collective::alltoall(given, got); });
}

void check_varying(Self self, Dtype dtype, std::size_t count, Where from, Where to) {
    const Trial trial{self, dtype, from, to};
    const int rank = trial.rank();
    const int root = static_cast<int>(count % 3) % trial.size();
    const bool is_root = rank == root;
    const auto varied = [&](int giver, int taker) {
        const int mix = giver * 5 + taker * 3 + 4;
        return mix % 4 == 0 ? std::size_t{0} : count + static_cast<std::size_t>(mix % 7);
    };
    const auto given_by = [&](int member) { return varied(member, -1); };
    const auto for_member = [&](int member) { return varied(rank, member); };
    const auto of_member = [&](int member) { return varied(member, rank); };
    const auto from_root = [&](int member) { return varied(root, member); };
    const Bytes own = pattern(dtype, given_by(rank), seed_of(rank, -1));
    const Bytes nothing;
    trial.run(
        own, trial.of_all(-1, given_by), true, "allgatherv",
        [](const Part& given, const Part& got) { return Collective::allgatherv(given, got); });
    trial.run(
        own, is_root ? trial.of_all(-1, given_by) : nothing, is_root, "gatherv",
        [&](const Part& given, const Part& got) { return Collective::gatherv(given, got, root); });
    trial.run(
        is_root ? trial.for_all(root, from_root) : nothing,
        pattern(dtype, from_root(rank), seed_of(root, rank)), true, "scatterv",
        [&](const Part& given, const Part& got) { return Collective::scatterv(given, got, root); });
    std::vector<std::size_t> from_counts, to_counts;
    for (int member = 0; member < trial.size(); ++member) {
        from_counts.push_back(for_member(member));
        to_counts.push_back(of_member(member));
    }
    trial.run(trial.for_all(rank, for_member), trial.of_all(rank, of_member), true, "alltoallv",
              [&](const Part& given, const Part& got) {
                  return Collective::alltoallv(given, from_counts, got, to_counts);
              });
    // Bits that all but one have none of: what is combined is what that one gave.
    if (is_floating(dtype)) return;
    Bytes all = trial.for_all(0, [&](int member) { return varied(0, member); });
    const Bytes result = pattern(dtype, varied(0, rank), seed_of(0, rank));
    if (rank != 0) std::fill(all.begin(), all.end(), std::byte{0});
    trial.run(all, result, true, "reduce_scatterv", [](const Part& given, const Part& got) {
        return Collective::reduce_scatterv(given, got, Op::sum);
    });
}

}  // namespace ipcrun::test
