// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A plan as a picture, for `ipcrun --picture FILE.svg`.

#include <string>

#include "launcher/show/overview.hpp"

namespace ipcrun::show {

/// An SVG file: hosts as boxes within boxes with their ranks, GPUs and NICs; the tree with its
/// links in colours; what links and allreduces cost. Up to 8 hosts are drawn each, of more one of
/// each kind; trees of up to 128 ranks are drawn, of more their levels. So its size is bounded by
/// that of 8 hosts.
std::string format_svg(const Overview& overview);

}  // namespace ipcrun::show
