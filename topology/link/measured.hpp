// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Costs that were measured on a kind of machine, as they are kept from job to job.

#include <cstdint>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "topology/link/link.hpp"

namespace ipcrun::topology {

struct MeasuredCosts {
    std::uint64_t machine = 0;        ///< hash_of() it
    std::string when;                 ///< "2026-11-22T20:09:29Z"
    std::vector<LinkClass> measured;  ///< ascending; of all others the table tells nothing
    CostTable table = {};             ///< with the time of the reduction

    bool operator==(const MeasuredCosts&) const = default;
};

/// JSON, for people to read and change.
std::string format_measured(const MeasuredCosts& costs);

/// What format_measured has written. `name` is for messages. Throws Error{config} for anything
/// else, also for costs that nothing can have.
MeasuredCosts parse_measured(std::string_view text, std::string_view name);

/// `assumed`, with what was measured in its place. Of CPUs that are farther from each other than
/// measured ones we never assume that they are nearer.
CostTable with_measured(CostTable assumed, const MeasuredCosts& costs);

/// Where they are kept: in ipcrun/ of $XDG_CACHE_HOME, else of $HOME/.cache. Values that are empty
/// or relative count as unset (XDG Base Directory Specification 0.8); nullopt when both are.
std::optional<std::string> measured_path(std::uint64_t machine,
                                         std::optional<std::string_view> xdg_cache_home,
                                         std::optional<std::string_view> home);

/// Writes them for nobody else to read, with the folders above: whole, or not at all. Throws
/// Error{system}.
void write_measured(const MeasuredCosts& costs, const std::string& path);

/// nullopt: there is no such file, or none that this user may look at. Throws Error{config} when it
/// is damaged, or of another kind of machine; Error{system} when it cannot be read.
std::optional<MeasuredCosts> read_measured(const std::string& path, std::uint64_t machine);

}  // namespace ipcrun::topology
