// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/pcie.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cmath>
#include <iterator>
#include <tuple>

#include "base/text.hpp"
#include "topology/discover/pci_models.hpp"

namespace ipcrun::topology {

namespace {

constexpr double gen1_lane = 0.25, gen3_lane = 8.0 * 128 / 130 / 8;

/// Lanes of a link that reads `gbytes_per_s` when each carries `lane`; nullopt: it is no such link.
std::optional<int> lanes_of(double gbytes_per_s, double lane) {
    const double lanes = gbytes_per_s / lane;
    const double whole = std::round(lanes);
    if (whole < 1 || whole > 32 || std::abs(lanes - whole) > 1e-3 * whole) return std::nullopt;
    return static_cast<int>(whole);
}

/// What the link of a GPU does at its best. `own`, `upstream`: readings at its two ends.
double best_of_gpu(double own, double upstream, const GpuReading& reading) {
    const double best = std::max(own, upstream);
    const KnownLink known = known_gpu_link(reading.model);
    if (known.generation == 0) return best;
    const auto at_full_speed = [&](int lanes) {
        return std::max(best, pcie_gbytes_per_s(pcie_gigatransfers_per_s(known.generation),
                                                std::min(lanes, known.lanes)));
    };
    if (best == 0) return at_full_speed(known.lanes);
    // A GPU that could do generation 3 and reads as generation 1 idles, with all its lanes.
    if (const auto lanes = lanes_of(best, gen1_lane)) return at_full_speed(*lanes);
    if (reading.capped && own > upstream)
        if (const auto lanes = lanes_of(own, gen3_lane)) return at_full_speed(*lanes);
    return best;
}

/// What a bridge has below it.
struct Below {
    double fastest = 0;
    bool gpu = false;
};

}  // namespace

double pcie_gigatransfers_per_s(int generation) {
    constexpr double rates[] = {0, 2.5, 5, 8, 16, 32, 64};
    return generation >= 1 && generation <= 6 ? rates[generation] : 0;
}

double pcie_gbytes_per_s(double gigatransfers_per_s, int lanes) {
    // Widths are 1 to 32; the kernel says 255 and devices say 63 where they do not know.
    if (!(gigatransfers_per_s > 0) || lanes < 1 || lanes > 32) return 0;
    // Codes of the PCI Express base specification: 8b/10b, 128b/130b, flits of 242 in 256 bytes.
    double code = 128.0 / 130;
    if (gigatransfers_per_s <= 5) code = 0.8;
    if (gigatransfers_per_s > 32) code = 242.0 / 256;
    return gigatransfers_per_s * code / 8 * lanes;
}

std::optional<double> parse_transfer_rate(std::string_view text) {
    text = trim(text);
    const auto rate = parse_number<double>(text.substr(0, text.find(' ')));
    return rate && *rate > 0 && *rate <= 256 ? rate : std::nullopt;
}

std::string format_pci_id(unsigned domain, unsigned bus, unsigned device, unsigned function) {
    return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", domain, bus, device, function);
}

bool pci_id_less(const std::string& a, const std::string& b) {
    // Domains of more than four digits come last.
    const auto key = [](const std::string& id) { return std::tuple(id.empty(), id.size()); };
    return key(a) != key(b) ? key(a) < key(b) : a < b;
}

bool faces_down(const Machine& machine, int bridge) {
    // Below the host bridge, ports of switches look down and up in turn: root port, upper port,
    // lower port, upper port of the next.
    int depth = 0;
    for (; bridge >= 0; bridge = machine.bridges[static_cast<std::size_t>(bridge)].parent) ++depth;
    return depth % 2 == 0;
}

void settle_links(Machine& machine, const std::vector<GpuReading>& readings) {
    std::vector<Bridge>& bridges = machine.bridges;
    std::vector<Below> below(bridges.size());
    std::vector<bool> down;
    for (int i = 0; i < std::ssize(bridges); ++i) down.push_back(faces_down(machine, i));
    const auto at = [](int index) { return static_cast<std::size_t>(index); };
    // What the other end of a link tells of it.
    const auto reading_above = [&](int bridge) {
        return bridge >= 0 && down[at(bridge)] ? bridges[at(bridge)].gbytes_per_s : 0.0;
    };
    const auto note = [&](int bridge, double link, bool gpu) {
        if (bridge < 0) return;
        Below& facts = below[at(bridge)];
        facts = {std::max(facts.fastest, link), facts.gpu || gpu};
    };
    for (std::size_t i = 0; i < machine.gpus.size(); ++i) {
        Gpu& gpu = machine.gpus[i];
        gpu.gbytes_per_s = best_of_gpu(gpu.gbytes_per_s, reading_above(gpu.bridge),
                                       i < readings.size() ? readings[i] : GpuReading{});
        note(gpu.bridge, gpu.gbytes_per_s, true);
    }
    for (Nic& nic : machine.nics) {
        // Their links do not idle: a slow port above one that was read means that it is shared.
        if (nic.gbytes_per_s == 0) nic.gbytes_per_s = reading_above(nic.bridge);
        note(nic.bridge, nic.gbytes_per_s, false);
    }
    for (std::size_t i = bridges.size(); i-- > 0;) {
        Bridge& bridge = bridges[i];
        if (bridge.parent < 0) continue;
        if (down[i]) {
            // Inside a root complex or a switch nothing is slower than the link below.
            bridge.gbytes_per_s = std::max(bridge.gbytes_per_s, below[i].fastest);
        } else {
            bridge.gbytes_per_s = std::max(bridge.gbytes_per_s, reading_above(bridge.parent));
            if (below[i].gpu && lanes_of(bridge.gbytes_per_s, gen1_lane))
                bridge.gbytes_per_s = std::max(bridge.gbytes_per_s, below[i].fastest);
        }
        note(bridge.parent, bridge.gbytes_per_s, below[i].gpu);
    }
}

}  // namespace ipcrun::topology
