// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/palette.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <cmath>

namespace ipcrun::show {

namespace {

/// https://www.w3.org/TR/css-color-3/#hsl-color, in the form with one formula for all channels.
std::string from_hsl(double hue, double saturation, double lightness) {
    const auto channel = [&](double n) {
        const double k = std::fmod(n + hue / 30, 12);
        const double reach = saturation * std::min(lightness, 1 - lightness);
        const double value = lightness - reach * std::clamp(std::min(k - 3, 9 - k), -1.0, 1.0);
        return static_cast<int>(std::lround(255 * value));
    };
    return fmt::format("#{:02x}{:02x}{:02x}", channel(0), channel(8), channel(4));
}

/// Steps of the golden angle: however many there are, hues stay apart.
double hue_of(int rank) {
    return std::fmod(210 + 137.508 * rank, 360);
}

}  // namespace

std::string fill_of_rank(int rank) {
    return from_hsl(hue_of(rank), 0.68, 0.80);
}

std::string rim_of_rank(int rank) {
    return from_hsl(hue_of(rank), 0.45, 0.42);
}

std::string_view colour_of(topology::LinkClass link_class) {
    constexpr std::array<std::string_view, topology::link_classes> colours = {
        "#6b7785",  // self
        "#a3c940",  // core
        "#5fb233",  // l2
        "#1f8a4c",  // l3
        "#18a5a5",  // numa
        "#2f7fd6",  // package
        "#1b3fa0",  // machine
        "#7a9a01",  // nvlink
        "#b07be0",  // pcie_switch
        "#8e44ad",  // pcie_bridges
        "#5b2a86",  // host_bridge
        "#d63384",  // pcie_machine
        "#e07b00",  // network_switch
        "#d92d20",  // network
    };
    return colours[static_cast<std::size_t>(link_class)];
}

}  // namespace ipcrun::show
