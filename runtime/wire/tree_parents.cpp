// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/tree_parents.hpp"

#include <algorithm>
#include <cstddef>
#include <vector>

namespace ipcrun {

bool is_tree(std::span<const int> parents) {
    const auto index = [](int member) { return static_cast<std::size_t>(member); };
    const auto size = static_cast<int>(parents.size());
    const auto is_sound = [&](int other) { return -1 <= other && other < size; };
    if (!std::ranges::all_of(parents, is_sound) || std::ranges::count(parents, -1) != 1)
        return false;
    std::vector<bool> leads_there(parents.size());
    for (int member = 0; member < size; ++member) {
        int steps = 0, end = member;
        while (parents[index(end)] >= 0 && !leads_there[index(end)]) {
            end = parents[index(end)];
            if (++steps > size) return false;
        }
        for (int on_way = member; on_way != end; on_way = parents[index(on_way)])
            leads_there[index(on_way)] = true;
    }
    return true;
}

}  // namespace ipcrun
