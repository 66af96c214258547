// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Colours of ranks and of links, for a light background.

#include <string>
#include <string_view>

#include "topology/link/link.hpp"

namespace ipcrun::show {

/// Light, for dark text on it; neighbours differ well, and the first ones all do.
std::string fill_of_rank(int rank);
/// The same hue, darker, for rims.
std::string rim_of_rank(int rank);

/// Greens within a cache, blues within a host, violets between GPUs, reds between hosts.
std::string_view colour_of(topology::LinkClass link_class);

constexpr std::string_view ink = "#1f2933";       ///< text
constexpr std::string_view pale_ink = "#5f6c7b";  ///< text of less weight

}  // namespace ipcrun::show
