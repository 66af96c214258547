// SPDX-License-Identifier: Apache-2.0
// Proves that trees of links give what they should, the same on all nodes, in whatever pieces, and
// that nobody waits in a circle.
#include "runtime/connection/tree_node.hpp"

#include <doctest/doctest.h>

#include <chrono>

#include "tests/connection/tree_nodes.hpp"
#include "tests/runtime/reduce_reference.hpp"

using namespace ipcrun;
using namespace ipcrun::test;
using namespace std::chrono_literals;

namespace {

constexpr Op all_ops[] = {Op::sum, Op::prod, Op::min,  Op::max, Op::avg, Op::land,
                          Op::lor, Op::lxor, Op::band, Op::bor, Op::bxor};

Deadline soon() {
    return Deadline::after(60s);
}

// Sums of floats of such different sizes depend on their order.
template <typename T>
typename T::Bits value_of(std::size_t element, int node) {
    const auto mixed =
        static_cast<unsigned>(element * 2654435761u + static_cast<unsigned>(node) * 40503u);
    if constexpr (std::is_integral_v<typename T::Value>)
        return static_cast<typename T::Bits>(mixed >> 9);
    else
        return T::encode(
            static_cast<typename T::Value>(static_cast<int>(mixed >> 16 & 0xff) - 100) *
            (mixed % 3 == 0 ? typename T::Value(0.01) : typename T::Value(1)));
}

// Two at a time, in the order of children; rounded each time.
template <typename T>
typename T::Bits fold(const TreeShape& shape, Op op, std::size_t element, int node) {
    using Value = typename T::Value;
    typename T::Bits own = value_of<T>(element, node);
    for (const int child : shape.children_of(node)) {
        const auto theirs = fold<T>(shape, op, element, child);
        const std::vector<Value> pair{T::decode(own), T::decode(theirs)};
        own = T::encode(expected<Value>(op == Op::avg ? Op::sum : op, pair));
    }
    return own;
}

template <typename T>
typename T::Bits total(const TreeShape& shape, Op op, std::size_t element) {
    using Value = typename T::Value;
    int root = 0;
    while (shape.parent[static_cast<std::size_t>(root)] >= 0) ++root;
    const auto all = fold<T>(shape, op, element, root);
    if (shape.size() > 1 && op != Op::avg) return all;
    std::vector<Value> column(shape.size(), Value(0));
    column[0] = T::decode(all);
    return T::encode(expected<Value>(op, column));
}

template <typename T>
void check_allreduce(const TreeShape& shape, const LinkOptions& options, Op op, Dtype dtype,
                     std::size_t count) {
    std::vector<std::vector<typename T::Bits>> elements(shape.size());
    run_tree(shape, options, [&](int node, TreeNode& tree) {
        auto& own = elements[static_cast<std::size_t>(node)];
        for (std::size_t i = 0; i < count; ++i) own.push_back(value_of<T>(i, node));
        const Part part{own.data(), count, dtype};
        tree.run(Collective::allreduce({&part, 1}, op), soon());
    });
    INFO(name_of(op), " of ", count, " ", name_of(dtype), ", ", shape.name, " of ", shape.size());
    for (std::size_t i = 0; i < count; i += 1 + i / 7) {
        const auto wanted = total<T>(shape, op, i);
        const auto got = elements[0][i];
        const bool is_nan = T::is_nan(wanted) && T::is_nan(got);
        REQUIRE((is_nan || std::memcmp(&got, &wanted, sizeof got) == 0));
    }
    for (const auto& other : elements)
        REQUIRE((count == 0 || std::memcmp(other.data(), elements[0].data(),
                                           count * sizeof(elements[0][0])) == 0));
}

void check_allreduce(const TreeShape& shape, const LinkOptions& options, Op op, Dtype dtype,
                     std::size_t count) {
    switch (dtype) {
        case Dtype::u8:
            return check_allreduce<Same<std::uint8_t>>(shape, options, op, dtype, count);
        case Dtype::i8:
            return check_allreduce<Same<std::int8_t>>(shape, options, op, dtype, count);
        case Dtype::i16:
            return check_allreduce<Same<std::int16_t>>(shape, options, op, dtype, count);
        case Dtype::i32:
            return check_allreduce<Same<std::int32_t>>(shape, options, op, dtype, count);
        case Dtype::i64:
            return check_allreduce<Same<std::int64_t>>(shape, options, op, dtype, count);
        case Dtype::f16:
            return check_allreduce<Half<10>>(shape, options, op, dtype, count);
        case Dtype::bf16:
            return check_allreduce<Half<7>>(shape, options, op, dtype, count);
        case Dtype::f32:
            return check_allreduce<Same<float>>(shape, options, op, dtype, count);
        case Dtype::f64:
            return check_allreduce<Same<double>>(shape, options, op, dtype, count);
    }
}

}  // namespace

TEST_CASE("tree of links: every operator combines every dtype in the order of the tree") {
    for (const Op op : all_ops)
        for (int type = 0; type < dtype_count; ++type) {
            const auto dtype = static_cast<Dtype>(type);
            if (!is_defined(op, dtype)) continue;
            check_allreduce(random_tree(6, 3), {}, op, dtype, 700);
            check_allreduce(chain(1), {}, op, dtype, 50);
        }
}

TEST_CASE("tree of links: any shape of up to 64 nodes holds the same bits everywhere") {
    for (const int nodes : {1, 2, 3, 5, 16, 64})
        for (const TreeShape& shape : all_shapes(nodes))
            for (const LinkKind kind : {LinkKind::socket, LinkKind::memory})
                for (const std::size_t count : {0, 1, 5000})
                    check_allreduce(shape, {.kind = kind}, Op::avg, Dtype::f32, count);
}

TEST_CASE("tree of links: nobody waits in a circle though the links hold nothing") {
    for (const int nodes : {2, 7, 20})
        for (const TreeShape& shape : all_shapes(nodes))
            for (const std::size_t segment_bytes : {64, 1000, 1 << 20})
                check_allreduce(shape, {.capacity = 0, .segment_bytes = segment_bytes}, Op::sum,
                                Dtype::i64, 3000);
}

TEST_CASE("tree of links: many parts, strided and empty ones among them, are one operation") {
    const TreeShape shape = binary(5);
    run_tree(shape, {.segment_bytes = 500}, [&](int node, TreeNode& tree) {
        std::vector<std::vector<float>> rows(300);
        std::vector<Part> parts;
        const std::int64_t sizes[] = {3, 2}, strides[] = {1, 4};
        for (std::size_t i = 0; i < rows.size(); ++i) {
            rows[i].assign(8, static_cast<float>(node) + static_cast<float>(i));
            if (i % 10 == 3)
                parts.push_back({rows[i].data(), 6, Dtype::f32, sizes, strides});
            else
                parts.push_back({rows[i].data(), i % 9, Dtype::f32});
        }
        std::vector<double> last(1000, node);
        parts.push_back({last.data(), last.size(), Dtype::f64});
        for (int round = 1; round < 4; ++round) {
            tree.run(Collective::allreduce(parts, Op::max), soon());
            for (std::size_t i = 0; i < rows.size(); ++i)
                for (std::size_t k = 0; k < 8; ++k) {
                    const bool is_part = i % 10 == 3 ? k % 4 < 3 : k < i % 9;
                    REQUIRE(rows[i][k] ==
                            static_cast<float>((is_part ? 4 : node) + static_cast<int>(i)));
                }
            REQUIRE(last == std::vector<double>(1000, 4));
        }
    });
}

TEST_CASE("tree of links: broadcasts bring the root's parts to all, one after the other") {
    for (const TreeShape& shape : all_shapes(9))
        for (const std::size_t capacity : {0, 1 << 20}) {
            int root = 0;
            while (shape.parent[static_cast<std::size_t>(root)] >= 0) ++root;
            run_tree(shape, {.capacity = capacity}, [&](int node, TreeNode& tree) {
                for (int round = 0; round < 20; ++round) {
                    std::vector<int> values(static_cast<std::size_t>(round * 300),
                                            node == root ? round : -1);
                    const Part part{values.data(), values.size(), Dtype::i32};
                    tree.run(Collective::broadcast({&part, 1}, 0), soon());
                    REQUIRE(values == std::vector<int>(values.size(), round));
                    int sum = node;
                    const Part small{&sum, 1, Dtype::i32};
                    tree.run(Collective::allreduce({&small, 1}, Op::sum), soon());
                    REQUIRE(sum == 36);
                }
            });
        }
}

TEST_CASE("tree of links: a call that makes no sense throws before it counts") {
    run_tree(chain(2), {}, [&](int, TreeNode& tree) {
        float value = 1;
        const Part part{&value, 1, Dtype::f32};
        const auto is_usage = [&](const Part& bad, Op op) {
            try {
                tree.run(Collective::allreduce({&bad, 1}, op), soon());
            } catch (const Error& error) {
                return error.code == ErrorCode::usage;
            }
            return false;
        };
        CHECK(is_usage(part, Op::bxor));
        CHECK(is_usage({nullptr, 3, Dtype::f32}, Op::sum));
        const std::int64_t sizes[] = {2}, strides[] = {0};
        CHECK(is_usage({&value, 2, Dtype::f32, sizes, strides}, Op::sum));
        tree.run(Collective::allreduce({&part, 1}, Op::sum), soon());
        CHECK(value == 2);
    });
}
