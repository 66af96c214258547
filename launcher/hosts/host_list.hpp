// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The hosts that people name: by --hosts, --hostfile, --exclude and IPCRUN_HOSTS. Pure.

#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

namespace ipcrun {

struct NamedHost {
    std::string name;  ///< as ssh is to have it: a name, an address, an alias of its configuration
    int slots = 0;     ///< ranks that it is meant for; 0: one for each usable core
    std::string directory = {};   ///< of ranks there; empty: the launcher's
    std::string agent_path = {};  ///< of ipcrun there; empty: as everywhere
    int cpus = 0;                 ///< that a batch system gives us there; 0: all that we may use
    int ranks_max = 0;            ///< by default, where there are no slots; 0: no limit

    bool operator==(const NamedHost&) const = default;
};

/// "node[01-04,09]:2,login,10.0.0.7:4,[fe80::1]:2": names with a range in brackets stand for as
/// many hosts, with leading zeros kept; ":N" gives slots. A host that is named several times
/// without slots has one for each time ("a,a,b,b"); with slots they add up. Order is that of the
/// first mention. `what`: the option or variable, for messages. Throws Error{usage} that quotes
/// what makes no sense.
std::vector<NamedHost> parse_host_list(std::string_view what, std::string_view text);

/// A host or range of hosts a line, in the form of a list (several on a line are several), then
/// "slots=N", "wdir=DIR", "ipcrun=PATH" in any order; "#" begins a comment. `max_slots=N` (Open
/// MPI) is an error that says so. Throws Error{usage} with the line's number.
std::vector<NamedHost> parse_hostfile(std::string_view text, const std::string& file_name);

/// Without those that `names` (parsed as a list) has. Throws Error{usage} for a name that is not
/// among them, and when none is left.
std::vector<NamedHost> without(std::vector<NamedHost> hosts, std::string_view excluded);

}  // namespace ipcrun
