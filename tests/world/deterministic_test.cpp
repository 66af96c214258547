// SPDX-License-Identifier: Apache-2.0
// Deterministic jobs: results do not depend, to the bit, on which members are on which host.
#include <doctest/doctest.h>

#include <algorithm>
#include <array>
#include <cstring>
#include <mutex>
#include <random>

#include "tests/runtime/reduce_reference.hpp"
#include "tests/world/every_world.hpp"

namespace ipcrun {

using namespace world_test;

namespace {

constexpr int members = 4;
constexpr std::array float_dtypes = {Dtype::f16, Dtype::bf16, Dtype::f32, Dtype::f64};
constexpr std::array ops = {Op::sum, Op::prod, Op::avg, Op::min, Op::max};

using Bytes = std::vector<std::byte>;

struct Floats {
    explicit Floats(Dtype element_dtype, std::size_t count)
        : dtype(element_dtype), bytes(count * size_of(dtype)) {}
    Part part() { return {bytes.data(), bytes.size() / size_of(dtype), dtype}; }
    Dtype dtype;
    Bytes bytes;
};

// Of magnitudes so far apart that each order of summation rounds otherwise; zeros of both signs.
Floats floats_of(Dtype dtype, std::size_t count, int rank) {
    Floats result(dtype, count);
    std::minstd_rand random(static_cast<unsigned>(rank * 31 + static_cast<int>(count)) + 1);
    const auto put = [&](std::size_t i, auto bits) {
        std::memcpy(result.bytes.data() + i * sizeof bits, &bits, sizeof bits);
    };
    constexpr std::size_t period = 4'099;  // they recur, for they take long to make
    for (std::size_t i = 0; i < std::min(count, period); ++i) {
        const double magnitude = std::ldexp(1.0, static_cast<int>(random() % 8) - 4);
        const double value = magnitude * (static_cast<double>(random() % 20'011) / 10'000 - 1);
        const bool is_zero = i % 50 == 3;
        const double item = is_zero ? std::copysign(0.0, value) : value;
        if (dtype == Dtype::f16) put(i, test::Half<10>::encode(static_cast<float>(item)));
        if (dtype == Dtype::bf16) put(i, test::Half<7>::encode(static_cast<float>(item)));
        if (dtype == Dtype::f32) put(i, static_cast<float>(item));
        if (dtype == Dtype::f64) put(i, item);
    }
    const std::size_t made = period * size_of(dtype);
    for (std::size_t at = made; at < result.bytes.size(); at += made)
        std::memcpy(result.bytes.data() + at, result.bytes.data(),
                    std::min(made, result.bytes.size() - at));
    return result;
}

// What a communicator's operations leave behind on this member.
class Diary {
  public:
    explicit Diary(Communicator& communicator) : communicator_(communicator) {}
    void add(const Bytes& bytes) { all_.insert(all_.end(), bytes.begin(), bytes.end()); }
    const Bytes& all() const { return all_; }

    Floats own(Dtype dtype, std::size_t count) const {
        return floats_of(dtype, count, communicator_.rank());
    }
    void allreduce(Dtype dtype, std::size_t count, Op op) {
        Floats floats = own(dtype, count);
        const Part part = floats.part();
        communicator_.allreduce({&part, 1}, op, soon());
        add(floats.bytes);
    }
    void reduce(Dtype dtype, std::size_t count, Op op, int root) {
        Floats floats = own(dtype, count), result(dtype, count);
        const Part from = floats.part(), to = result.part();
        communicator_.run(Collective::reduce({&from, 1}, {&to, 1}, op, root), soon());
        add(floats.bytes);
        add(result.bytes);
    }
    void reduce_scatter(Dtype dtype, std::size_t count, Op op, bool varies) {
        const int size = communicator_.size();
        const std::size_t block =
            varies ? varying(size, count)[index(communicator_.rank())] : count;
        const auto blocks = varying(size, count);
        const std::size_t all = varies ? start_of(blocks, size) : count * index(size);
        Floats floats = own(dtype, all), result(dtype, block);
        const Part from = floats.part(), to = result.part();
        communicator_.run(varies ? Collective::reduce_scatterv(from, to, op)
                                 : Collective::reduce_scatter(from, to, op),
                          soon());
        add(result.bytes);
    }
    // Several lists at once, short and long parts of several dtypes.
    void start_lists() {
        std::vector<Floats> lists;
        lists.reserve(30);
        std::vector<Request> requests;
        for (int turn = 0; turn < 3; ++turn) {
            std::vector<Part> parts;
            for (const Dtype dtype : float_dtypes)
                for (const std::size_t count : {3, 20'001})
                    parts.push_back(lists.emplace_back(own(dtype, count + index(turn))).part());
            requests.push_back(communicator_.start(Collective::allreduce(parts, Op::sum), soon()));
        }
        for (Request& request : requests) CHECK(request.wait(soon()));
        for (const Floats& floats : lists) add(floats.bytes);
    }

  private:
    Communicator& communicator_;
    Bytes all_;
};

using Act = std::function<void(Diary&)>;

// All members' diaries of the same acts, one after the other. On one host the members share a
// communicator of that host, as those of such a job do.
Bytes results(const HostsOptions& options, const Act& act) {
    std::array<Bytes, members> by_rank;
    run_hosts(options, [&](HostRank& self) {
        auto part = self.world.split(0, 0, soon());
        Diary diary(*part);
        act(diary);
        by_rank[index(self.rank)] = diary.all();
    });
    Bytes all;
    for (const Bytes& bytes : by_rank) all.insert(all.end(), bytes.begin(), bytes.end());
    return all;
}

const std::vector<HostsOptions>& layouts() {
    static const std::vector<HostsOptions> result = {
        {.ranks_on = {1, 3}, .deterministic = true},
        {.ranks_on = {2, 2}, .deterministic = true},
        {.ranks_on = {2, 2}, .cyclic = true, .deterministic = true},
        {.ranks_on = {1, 1, 2}, .deterministic = true}};
    return result;
}

void check_same_everywhere(const Act& act) {
    const Bytes expected = results({.ranks_on = {members}, .deterministic = true}, act);
    CHECK(!expected.empty());
    for (const HostsOptions& options : layouts()) CHECK(results(options, act) == expected);
}

}  // namespace

TEST_CASE("deterministic: an allreduce has the same bits wherever its members are") {
    check_same_everywhere([](Diary& diary) {
        for (const Dtype dtype : float_dtypes)
            for (const Op op : ops)
                for (const std::size_t count : {1, 2, 100, 5'003})
                    diary.allreduce(dtype, count, op);
    });
}

TEST_CASE("deterministic: an allreduce in segments and lanes has the same bits, too") {
    check_same_everywhere([](Diary& diary) {
        diary.allreduce(Dtype::f32, 700'001, Op::avg);
        diary.allreduce(Dtype::f64, 2'200'003, Op::sum);
    });
}

TEST_CASE("deterministic: a reduce has the same bits wherever its members are") {
    check_same_everywhere([](Diary& diary) {
        for (const Dtype dtype : float_dtypes)
            for (const Op op : ops)
                for (const std::size_t count : {1, 3, 100, 5'003})
                    for (const int root : {0, 2}) diary.reduce(dtype, count, op, root);
        diary.reduce(Dtype::f64, 100'003, Op::sum, 1);
    });
}

TEST_CASE("deterministic: a reduce in segments has the same bits, too") {
    const Act act = [](Diary& diary) { diary.reduce(Dtype::f64, 2'200'003, Op::sum, 1); };
    CHECK(results({.ranks_on = {1, 3}, .deterministic = true}, act) ==
          results({.ranks_on = {members}, .deterministic = true}, act));
}

TEST_CASE("deterministic: a reduce_scatter has the same bits wherever its members are") {
    check_same_everywhere([](Diary& diary) {
        for (const Dtype dtype : float_dtypes)
            for (const Op op : ops)
                for (const bool varies : {false, true})
                    for (const std::size_t count : {1, 100, 5'003})
                        diary.reduce_scatter(dtype, count, op, varies);
    });
}

TEST_CASE("deterministic: lists of values that were started have the same bits") {
    check_same_everywhere([](Diary& diary) { diary.start_lists(); });
}

TEST_CASE("deterministic: these values have other bits elsewhere where nobody asks for it") {
    const Act act = [](Diary& diary) {
        diary.allreduce(Dtype::f32, 100, Op::sum);
        diary.allreduce(Dtype::f32, 5'003, Op::sum);
    };
    CHECK(results({.ranks_on = {1, 3}}, act) != results({.ranks_on = {members}}, act));
}

TEST_CASE("deterministic: the tree of members follows from their number alone") {
    for (const HostsOptions& options : layouts())
        run_hosts(options, [](HostRank& self) {
            auto part = self.world.split(0, -self.rank, soon());
            for (const Communicator* const communicator : {&self.world, &*part}) {
                const std::vector<int> parents = {-1, 0, 0, 2};
                const std::vector<std::vector<int>> children = {{1, 2}, {}, {3}, {}};
                for (int member = 0; member < members; ++member) {
                    const TreePlace place = communicator->tree_place(member);
                    CHECK(place.parent == parents[index(member)]);
                    CHECK(std::ranges::equal(place.children, children[index(member)]));
                }
            }
        });
}

}  // namespace ipcrun
