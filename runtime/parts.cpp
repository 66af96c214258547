// SPDX-License-Identifier: Apache-2.0
#include "runtime/parts.hpp"

#include <algorithm>
#include <cstring>

#include "runtime/strided.hpp"

namespace ipcrun {

PartsShape::PartsShape(std::span<const Part> parts, bool are_written) {
    for (const Part& part : parts) {
        if (is_strided(part)) check_strides(part, are_written);
        bytes += part.bytes();
    }
    if (parts.empty()) return;
    const Dtype first = parts.front().dtype;
    if (std::all_of(parts.begin(), parts.end(), [&](const Part& p) { return p.dtype == first; }))
        dtype = first;
    if (parts.size() == 1 && !is_strided(parts.front())) only = &parts.front();
}

void gather(std::span<const Part> parts, std::byte* to) {
    for (const Part& part : parts) {
        if (is_strided(part))
            pack(part, to);
        else if (part.count != 0)
            std::memcpy(to, part.data, part.bytes());
        to += part.bytes();
    }
}

void scatter(const std::byte* from, std::span<const Part> parts) {
    for (const Part& part : parts) {
        if (is_strided(part))
            unpack(from, part);
        else if (part.count != 0)
            std::memcpy(part.data, from, part.bytes());
        from += part.bytes();
    }
}

}  // namespace ipcrun
