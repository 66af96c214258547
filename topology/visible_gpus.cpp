// SPDX-License-Identifier: Apache-2.0
#include "topology/visible_gpus.hpp"

#include <algorithm>
#include <optional>
#include <utility>

#include "base/text.hpp"

namespace ipcrun::topology {

namespace {

std::string_view without(std::string_view text, std::string_view prefix) {
    return text.starts_with(prefix) ? text.substr(prefix.size()) : text;
}

// A slice of a GPU ("MIG-GPU-2f0d…/1/0") makes the whole GPU visible: places are whole GPUs.
std::string_view digits_of(std::string_view uuid) {
    uuid = without(without(uuid, "MIG-"), "GPU-");
    return uuid.substr(0, uuid.find('/'));
}

/// `candidates`: indices of the GPUs that may be meant.
std::optional<std::size_t> find_gpu(const Machine& machine,
                                    const std::vector<std::size_t>& candidates,
                                    std::string_view wanted) {
    // Parts of a GPU ("2.1"), too, make the whole GPU visible.
    if (const auto number = parse_number<std::size_t>(wanted.substr(0, wanted.find('.')))) {
        if (*number >= candidates.size()) return std::nullopt;
        return candidates[*number];
    }
    const std::string_view digits = digits_of(wanted);
    // Both kinds of UUID have a word before the digits, so a mere word is none.
    if (digits.empty() || digits.size() == wanted.size()) return std::nullopt;
    std::optional<std::size_t> found;
    for (const std::size_t i : candidates) {
        if (!digits_of(machine.gpus[i].uuid).starts_with(digits)) continue;
        if (found) return std::nullopt;
        found = i;
    }
    return found;
}

}  // namespace

Machine visible(Machine machine, GpuVendor vendor, std::string_view list) {
    std::vector<bool> wanted(machine.gpus.size(), true);
    std::vector<std::size_t> candidates;
    for (std::size_t i = 0; i < machine.gpus.size(); ++i) {
        if (machine.gpus[i].vendor != vendor) continue;
        candidates.push_back(i);
        wanted[i] = false;
    }
    for (const std::string_view entry : split(list, ',')) {
        const auto gpu = find_gpu(machine, candidates, trim(entry));
        if (!gpu) break;
        wanted[*gpu] = true;
    }
    std::vector<int> now(machine.gpus.size(), -1);
    std::vector<Gpu> gpus;
    for (std::size_t i = 0; i < machine.gpus.size(); ++i) {
        if (!wanted[i]) continue;
        now[i] = static_cast<int>(gpus.size());
        gpus.push_back(std::move(machine.gpus[i]));
    }
    machine.gpus = std::move(gpus);
    std::erase_if(machine.gpu_links, [&](GpuLink& link) {
        link.a = now[static_cast<std::size_t>(link.a)];
        link.b = now[static_cast<std::size_t>(link.b)];
        return link.a < 0 || link.b < 0;
    });
    return machine;
}

}  // namespace ipcrun::topology
