// SPDX-License-Identifier: Apache-2.0
#include "topology/choice/choice.hpp"

namespace ipcrun::topology {

namespace {

constexpr std::string_view names[algorithms] = {"flags",    "work-sharing", "tree",
                                                "two-tree", "ring",         "recursive-doubling"};

}  // namespace

std::string_view name_of(Algorithm algorithm) {
    return names[static_cast<int>(algorithm)];
}

std::optional<Algorithm> parse_algorithm(std::string_view text) {
    for (int i = 0; i < algorithms; ++i)
        if (text == names[i]) return static_cast<Algorithm>(i);
    return std::nullopt;
}

}  // namespace ipcrun::topology
