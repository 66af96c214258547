// SPDX-License-Identifier: Apache-2.0
// Proves that allreduces over messages give what they should, the same on all members, and that
// nobody waits for a member that is lost.
#include "runtime/message_allreduce.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <atomic>
#include <cstring>
#include <numeric>

#include "base/fail.hpp"
#include "tests/runtime/reduce_reference.hpp"
#include "tests/support/run_ranks.hpp"

using namespace ipcrun;
using namespace ipcrun::test;
using namespace std::chrono_literals;
using topology::Algorithm;
using topology::Tree;

namespace {

// Each node's parent is the middle of what is above it: two children at most, and not in order.
Tree binary_tree(int members, int shift) {
    std::vector<int> parent(static_cast<std::size_t>(members), -1);
    const auto name = [&](int v) { return (v + shift) % members; };
    for (int v = 1; v < members; ++v) parent[static_cast<std::size_t>(name(v))] = name((v - 1) / 2);
    return topology::tree_of(parent);
}

Tree chain(int members) {
    std::vector<int> parent(static_cast<std::size_t>(members));
    std::iota(parent.begin(), parent.end(), -1);
    return topology::tree_of(parent);
}

Tree star(int members) {
    std::vector<int> parent(static_cast<std::size_t>(members), members - 1);
    parent.back() = -1;
    return topology::tree_of(parent);
}

std::vector<MessagePlan> all_plans(int members) {
    std::vector<int> backwards(static_cast<std::size_t>(members));
    std::iota(backwards.rbegin(), backwards.rend(), 0);
    return {{.algorithm = Algorithm::tree, .trees = {binary_tree(members, 0)}},
            {.algorithm = Algorithm::tree,
             .trees = {binary_tree(members, members / 2)},
             .segment_bytes = 1000},
            {.algorithm = Algorithm::tree, .trees = {chain(members)}, .segment_bytes = 4096},
            {.algorithm = Algorithm::tree, .trees = {star(members)}, .segment_bytes = 1 << 16},
            {.algorithm = Algorithm::two_tree,
             .trees = {binary_tree(members, 0), binary_tree(members, 1 % members)},
             .segment_bytes = 2000},
            {.algorithm = Algorithm::ring},
            {.algorithm = Algorithm::ring, .order = backwards},
            {.algorithm = Algorithm::recursive_doubling},
            {.algorithm = Algorithm::recursive_doubling, .order = backwards}};
}

// Small whole numbers, which every dtype holds, also when up to nine are added or multiplied.
template <typename T>
typename T::Value value_of(std::size_t element, int rank) {
    return static_cast<typename T::Value>((element * 7 + static_cast<std::size_t>(rank)) % 3 + 1);
}

struct Case {
    Dtype dtype;
    Op op;
};

template <typename T>
void check_case(Rank& self, MessageAllreduce& allreduce, Case what, std::size_t count) {
    const int size = self.world.size();
    std::vector<typename T::Bits> elements(count);
    for (std::size_t i = 0; i < count; ++i) elements[i] = T::encode(value_of<T>(i, self.rank));
    allreduce.run({elements.data(), count, what.dtype}, what.op, Deadline::after(60s));
    std::vector<typename T::Value> column(static_cast<std::size_t>(size));
    for (std::size_t i = 0; i < count; ++i) {
        for (int rank = 0; rank < size; ++rank)
            column[static_cast<std::size_t>(rank)] = value_of<T>(i, rank);
        const auto wanted = T::encode(expected<typename T::Value>(what.op, column));
        if (elements[i] != wanted) {
            FAIL_CHECK(fmt::format("{} of {} {} by {}: element {} is wrong", name_of(what.op),
                                   count, name_of(what.dtype),
                                   topology::name_of(allreduce.plan().algorithm), i));
            return;
        }
    }
}

void check_case(Rank& self, MessageAllreduce& allreduce, Case what, std::size_t count) {
    switch (what.dtype) {
        case Dtype::u8:
            return check_case<Same<std::uint8_t>>(self, allreduce, what, count);
        case Dtype::i8:
            return check_case<Same<std::int8_t>>(self, allreduce, what, count);
        case Dtype::i16:
            return check_case<Same<std::int16_t>>(self, allreduce, what, count);
        case Dtype::i32:
            return check_case<Same<std::int32_t>>(self, allreduce, what, count);
        case Dtype::i64:
            return check_case<Same<std::int64_t>>(self, allreduce, what, count);
        case Dtype::f16:
            return check_case<Half<10>>(self, allreduce, what, count);
        case Dtype::bf16:
            return check_case<Half<7>>(self, allreduce, what, count);
        case Dtype::f32:
            return check_case<Same<float>>(self, allreduce, what, count);
        case Dtype::f64:
            return check_case<Same<double>>(self, allreduce, what, count);
    }
}

Error error_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error;
    }
    return Error(ErrorCode::internal, "no error came");
}

}  // namespace

TEST_CASE("message allreduce: every algorithm gives the sum, for any number of members and sizes") {
    for (int members = 1; members <= 9; ++members)
        run_ranks({.ranks = members, .cpus = 2}, [&](Rank& self) {
            for (const MessagePlan& plan : all_plans(members)) {
                MessageAllreduce allreduce(self.world, plan);
                for (const std::size_t count : {0, 1, 7, 1000})
                    check_case(self, allreduce, {Dtype::f32, Op::sum}, count);
                if (members % 3 != 0) continue;
                check_case(self, allreduce, {Dtype::f64, Op::sum}, 100000);
            }
        });
}

TEST_CASE("message allreduce: every operator of every type gives what it should") {
    for (const int members : {1, 3, 4, 7})
        run_ranks({.ranks = members, .cpus = 2}, [&](Rank& self) {
            for (const MessagePlan& plan : all_plans(members)) {
                MessageAllreduce allreduce(self.world, plan);
                for (int dtype = 0; dtype < dtype_count; ++dtype)
                    for (int op = 0; op <= static_cast<int>(Op::bxor); ++op) {
                        const Case what{static_cast<Dtype>(dtype), static_cast<Op>(op)};
                        if (!is_defined(what.op, what.dtype)) continue;
                        check_case(self, allreduce, what, 45);
                    }
            }
        });
}

TEST_CASE("message allreduce: all members hold the same bits, whatever rounding did") {
    for (const int members : {2, 5, 8}) {
        for (const MessagePlan& plan : all_plans(members)) {
            std::vector<std::vector<float>> results(static_cast<std::size_t>(members));
            run_ranks({.ranks = members, .cpus = 2}, [&](Rank& self) {
                MessageAllreduce allreduce(self.world, plan);
                std::vector<float> own(3001);
                for (std::size_t i = 0; i < own.size(); ++i)
                    own[i] =
                        1.0f / static_cast<float>(i + 3 + 7 * static_cast<std::size_t>(self.rank));
                allreduce.run({own.data(), own.size(), Dtype::f32}, Op::avg);
                results[static_cast<std::size_t>(self.rank)] = own;
            });
            for (const auto& result : results)
                CHECK(std::memcmp(result.data(), results[0].data(), 3001 * sizeof(float)) == 0);
        }
    }
}

TEST_CASE("message allreduce: nobody waits in a circle with messages that wait for receivers") {
    // Each of more than a member sends ahead.
    constexpr std::size_t count = 3 * (17 << 20) / sizeof(double);
    run_ranks({.ranks = 3, .cpus = 2}, [&](Rank& self) {
        for (const Algorithm algorithm : {Algorithm::ring, Algorithm::recursive_doubling}) {
            MessageAllreduce allreduce(self.world, {.algorithm = algorithm});
            std::vector<double> values(count, 1.0 + self.rank);
            allreduce.run({values.data(), count, Dtype::f64}, Op::sum, Deadline::after(60s));
            CHECK(std::ranges::count(values, 6.0) == static_cast<std::ptrdiff_t>(count));
        }
    });
}

TEST_CASE("message allreduce: elements that do not lie side by side are reduced where they lie") {
    run_ranks({.ranks = 3}, [&](Rank& self) {
        MessageAllreduce allreduce(self.world, {.algorithm = Algorithm::ring});
        std::vector<std::int32_t> elements(20, self.rank);
        const std::int64_t sizes[] = {10}, strides[] = {2};
        allreduce.run({elements.data(), 10, Dtype::i32, sizes, strides}, Op::sum);
        for (std::size_t i = 0; i < 20; ++i) CHECK(elements[i] == (i % 2 == 0 ? 3 : self.rank));
    });
}

TEST_CASE("message allreduce: messages of the user and of others never meet its own") {
    run_ranks({.ranks = 2}, [&](Rank& self) {
        MessageAllreduce one(self.world, {.algorithm = Algorithm::ring});
        MessageAllreduce other(self.world, {.algorithm = Algorithm::recursive_doubling});
        std::int32_t sent = 5, got = 0, value = 1;
        const Part out{&sent, 1, Dtype::i32}, in{&got, 1, Dtype::i32};
        self.world.send({&out, 1}, 1 - self.rank, 0);
        one.run({&value, 1, Dtype::i32}, Op::sum);
        other.run({&value, 1, Dtype::i32}, Op::sum);
        self.world.receive({&in, 1}, any_source, any_tag);
        CHECK(value == 4);
        CHECK(got == 5);
    });
}

TEST_CASE("message allreduce: a rank that dies is lost for all that wait") {
    for (const MessagePlan& plan : all_plans(4)) {
        std::atomic<int> lost = 0;
        run_ranks_to_the_end({.ranks = 4}, [&](Rank& self) {
            MessageAllreduce allreduce(self.world, plan);
            std::vector<float> values(50000, 1.0f);
            const Part part{values.data(), values.size(), Dtype::f32};
            const auto attempt = [&] { allreduce.run(part, Op::sum, Deadline::after(20s)); };
            if (self.rank == 2) {
                attempt();
                throw Struck();
            }
            // The others may be in the first when it dies, and done with the second before they
            // know.
            const Error error = error_of([&] {
                for (int i = 0; i < 3; ++i) attempt();
            });
            if (error.code == ErrorCode::peer_lost && error.rank == 2) ++lost;
            CHECK(error_of(attempt).code == ErrorCode::peer_lost);
        });
        CHECK(lost == 3);
    }
}

TEST_CASE("message allreduce: one that gives up waiting is the end of it for all") {
    for (const MessagePlan& plan : all_plans(4)) {
        std::atomic<int> timed_out = 0;
        run_ranks({.ranks = 4}, [&](Rank& self) {
            MessageAllreduce allreduce(self.world, plan);
            std::vector<float> values(50000, 1.0f);
            const Part part{values.data(), values.size(), Dtype::f32};
            if (self.rank == 1) {
                while (timed_out < 3) std::this_thread::yield();
            } else {
                const Deadline deadline =
                    self.rank == 3 ? Deadline::after(0.05s) : Deadline::after(20s);
                const Error error = error_of([&] {
                    allreduce.run(part, Op::sum, deadline);
                    allreduce.run(part, Op::sum, deadline);
                });
                CHECK(error.code == ErrorCode::timeout);
                ++timed_out;
            }
            // Here it has been told, and needs no time for it.
            CHECK(error_of([&] { allreduce.run(part, Op::sum); }).code == ErrorCode::timeout);
        });
    }
}

TEST_CASE("message allreduce: a plan that does not fit is refused by all before anything is sent") {
    run_ranks({.ranks = 2}, [&](Rank& self) {
        const auto code_of = [&](const MessagePlan& plan) {
            return error_of([&] { MessageAllreduce allreduce(self.world, plan); }).code;
        };
        CHECK(code_of({.algorithm = Algorithm::flags}) == ErrorCode::usage);
        CHECK(code_of({.algorithm = Algorithm::tree}) == ErrorCode::usage);
        CHECK(code_of({.algorithm = Algorithm::tree, .trees = {chain(3)}}) == ErrorCode::usage);
        CHECK(code_of({.algorithm = Algorithm::two_tree, .trees = {chain(2)}}) == ErrorCode::usage);
        CHECK(code_of({.algorithm = Algorithm::ring, .order = {1, 1}}) == ErrorCode::usage);
        MessageAllreduce allreduce(self.world, {.algorithm = Algorithm::ring});
        float value = 1;
        CHECK(error_of([&] {
                  allreduce.run({&value, 1, Dtype::f32}, Op::bxor);
              }).code == ErrorCode::usage);
        allreduce.run({&value, 1, Dtype::f32}, Op::sum);
        CHECK(value == 2);
    });
}
