// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How the user wants ranks to be placed: --map-by, --rank-by, --bind-to, --rankfile as values.

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace ipcrun::topology {

/// Objects of a host that ranks are dealt out to.
enum class Object { host, package, numa, l3, core, hwthread, gpu };

/// --map-by
struct MapBy {
    enum class Policy {
        /// The largest even, disjoint shares of neighbouring cores; ranks with a GPU beside it.
        automatic,
        slot,         ///< a host's slots one after another, then the next host's
        round_robin,  ///< one rank to each `object`, then the second to each ...
        packed,       ///< `count` ranks to each `object` (ppr:count:object)
    };
    Policy policy = Policy::automatic;
    Object object = Object::host;
    int count = 0;

    bool operator==(const MapBy&) const = default;
};

/// --rank-by: how mapped places get their numbers.
enum class RankBy {
    automatic,  ///< in the order of mapping
    slot,       ///< host by host, along the machine
    host,       ///< round robin over the hosts
};

/// What a rank is bound to (--bind-to).
enum class BindTo {
    automatic,  ///< its even, disjoint share of the cores; shared cores when ranks exceed cores
    none,       ///< every allowed CPU
    hwthread,   ///< one hardware thread
    core,       ///< one core
    l3,         ///< all allowed cores under the last-level cache of its share
    numa,       ///< all allowed cores of the NUMA node of its share
    package,    ///< all allowed cores of the package of its share
};

/// A line of a rankfile: "rank 3=node01 slot=4-7" binds rank 3 to these CPUs of that host.
struct RankLine {
    int rank = 0;
    std::string host;       ///< a name, or "+n0" for the first host
    std::vector<int> cpus;  ///< the kernel's numbers, ascending, each once, never empty

    bool operator==(const RankLine&) const = default;
};

struct Mapping {
    MapBy map_by = {};
    RankBy rank_by = RankBy::automatic;
    BindTo bind_to = BindTo::automatic;
    std::vector<RankLine> rankfile = {};  ///< by rank; not empty: it says all, and the rest is auto
    /// Share the GPUs out among the ranks of a host? Without, ranks are placed as on a machine that
    /// has none.
    bool gpus = true;
};

/// Each throws Error{usage} that says which words there are.
MapBy parse_map_by(std::string_view text);    ///< "numa", "ppr:2:package", ...
RankBy parse_rank_by(std::string_view text);  ///< "auto", "slot", "node"
BindTo parse_bind_to(std::string_view text);
std::string_view name_of(BindTo bind_to);
std::string format_map_by(const MapBy& map_by);

/// The text of a rankfile: lines for all ranks from 0, in any order, which are returned by rank.
/// Empty lines and what follows # do not count. `name` is for messages, which tell the line. Throws
/// Error{usage}.
std::vector<RankLine> parse_rankfile(std::string_view text, std::string_view name);

}  // namespace ipcrun::topology
