// SPDX-License-Identifier: Apache-2.0
#include "launcher/switches.hpp"

#include <cstdlib>
#include <map>

#include "base/environment.hpp"

namespace ipcrun {

namespace {

// By the names of all above, too: two of one name may hang on different ones.
class Switches {
  public:
    explicit Switches(topology::Cluster& cluster) : cluster_(cluster) {}

    int find_leaf(const std::string& path) {
        if (path.empty()) return -1;
        int parent = -1;
        std::size_t end = 0;
        do {
            end = path.find('.', end == 0 ? 0 : end + 1);
            parent = find(path.substr(0, end), parent);
        } while (end != path.npos);
        return parent;
    }

  private:
    int find(const std::string& path, int parent) {
        const auto [entry, is_new] =
            known_.emplace(path, static_cast<int>(cluster_.switches.size()));
        if (is_new) cluster_.switches.push_back({.name = path, .parent = parent});
        return entry->second;
    }

    topology::Cluster& cluster_;
    std::map<std::string, int> known_;
};

}  // namespace

std::string own_switches() {
    return switches_of(environment_variable("SLURM_TOPOLOGY_ADDR").value_or(""),
                       environment_variable("SLURM_TOPOLOGY_ADDR_PATTERN").value_or(""));
}

std::string switches_of(std::string_view address, std::string_view pattern) {
    const std::size_t end = address.rfind('.');
    return pattern.ends_with(".node") && end != address.npos ? std::string(address.substr(0, end))
                                                             : std::string();
}

void hang_on_switches(topology::Cluster& cluster, const std::vector<std::string>& of_hosts) {
    Switches switches(cluster);
    for (std::size_t host = 0; host < of_hosts.size(); ++host)
        cluster.hosts[host].leaf_switch = switches.find_leaf(of_hosts[host]);
}

}  // namespace ipcrun
