// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What tests of operations over hosts have in common: worlds of all shapes, and values to tell
/// members and places by.

#include <numeric>
#include <string>
#include <vector>

#include "tests/support/run_hosts.hpp"

namespace ipcrun::world_test {

using test::HostRank;
using test::HostsOptions;
using test::run_hosts;

inline Deadline soon() {
    return Deadline::after(Seconds(60));
}

inline std::size_t index(int number) {
    return static_cast<std::size_t>(number);
}

// The shapes that differ: one member a host, several, hosts of different sizes, ranks dealt out.
inline std::vector<HostsOptions> worlds() {
    return {{.ranks_on = {1, 1}},
            {.ranks_on = {2, 2}},
            {.ranks_on = {1, 3, 4, 2}},
            {.ranks_on = {2, 3, 2}, .cyclic = true}};
}

inline void run_everywhere(const std::function<void(HostRank&)>& body) {
    for (const HostsOptions& options : worlds()) run_hosts(options, body);
}

inline const std::vector<std::size_t>& counts() {
    static const std::vector<std::size_t> result = {0, 1, 7, 1000, 100'003};
    return result;
}

// What member `rank` has at `i`: its place and itself can be told from it.
inline std::int32_t value(int rank, std::size_t i) {
    return static_cast<std::int32_t>((rank + 1) * 1000 + static_cast<int>(i % 997));
}

inline std::vector<std::int32_t> values(int rank, std::size_t count, std::size_t first = 0) {
    std::vector<std::int32_t> result(count);
    for (std::size_t i = 0; i < count; ++i) result[i] = value(rank, first + i);
    return result;
}

inline std::vector<std::int32_t> sums(int size, std::size_t count, std::size_t first = 0) {
    std::vector<std::int32_t> result(count);
    for (std::size_t i = 0; i < count; ++i)
        for (int rank = 0; rank < size; ++rank) result[i] += value(rank, first + i);
    return result;
}

inline Part part_of(std::vector<std::int32_t>& items) {
    return {.data = items.data(), .count = items.size(), .dtype = Dtype::i32};
}

// Blocks of count + 3 * member elements, one of them empty.
inline std::vector<std::size_t> varying(int size, std::size_t count) {
    std::vector<std::size_t> result;
    for (int member = 0; member < size; ++member)
        result.push_back(member == 1 ? 0 : count + 3 * index(member));
    return result;
}

inline std::size_t start_of(const std::vector<std::size_t>& blocks, int member) {
    return std::accumulate(blocks.begin(), blocks.begin() + member, std::size_t{0});
}

inline void run(HostRank& self, const Collective& collective) {
    self.world.run(collective, soon());
}

// The Error that `act` throws.
template <typename Act>
Error error_of(Act act) {
    try {
        act();
    } catch (const Error& error) {
        return error;
    }
    return Error(ErrorCode::internal, "no error at all");
}

inline bool says(const Error& error, const std::string& text) {
    return std::string(error.what()).find(text) != std::string::npos;
}

}  // namespace ipcrun::world_test
