// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A host as boxes within boxes, for the picture: built from values, then given sizes.

#include <string>
#include <vector>

#include "launcher/show/overview.hpp"

namespace ipcrun::show {

struct Box {
    enum class Kind { host, package, numa, l3, pcie_switch, core, gpu, nic };
    Kind kind = Kind::host;
    std::string title = {};
    std::string tip = {};
    std::string remark = {};            ///< a second, paler line
    std::vector<int> ranks = {};        ///< that a core or a GPU serves
    std::vector<Box> inner = {};        ///< boxes with something in them: one grid
    std::vector<Box> cores = {};        ///< another grid, above them
    std::vector<Box> switches = {};     ///< another, below
    std::vector<Box> devices = {};      ///< another, below
    double x = 0, y = 0, w = 0, h = 0;  ///< x and y relative to the box around it
};

/// Sizes that all boxes of a picture have in common.
struct Scale {
    double core = 24;          ///< side of a core
    double host_aspect = 2.4;  ///< of the packages of a host together
    double gap() const { return core < 12 ? 1.5 : 3; }
    double pad() const { return core < 12 ? 4 : 7; }
    /// Is there room for the speeds of devices?
    bool has_remarks() const { return core >= 12; }
    double font() const { return core >= 24 ? 11 : core >= 16 ? 9.5 : core >= 11 ? 8 : 7; }
};

/// Levels that say nothing (one NUMA node for all, a cache for each core) are left out, and a box
/// within a box as its only one is merged with it.
Box host_box(const Overview& overview, int host);

/// "rank 3", "ranks 0-3", or nothing.
std::string format_ranks(const std::vector<int>& ranks);

/// Sizes and places of all that is in it, and of the box itself but for x and y.
void lay_out(Box& box, const Scale& scale);

/// Makes a box that has its sizes larger; what is in it stays in the middle of its width.
void stretch(Box& box, double w, double h);

/// Columns of a grid of `count` cells of w x h, so that it is about `aspect` times as wide as high.
int grid_columns(int count, double w, double h, double aspect);

}  // namespace ipcrun::show
