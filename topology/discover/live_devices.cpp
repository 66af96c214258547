// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/live_devices.hpp"

#include <algorithm>
#include <filesystem>
#include <optional>
#include <string_view>
#include <system_error>

#include "base/text.hpp"
#include "topology/discover/pcie.hpp"
#include "topology/discover/small_file.hpp"

namespace ipcrun::topology {

namespace {

/// One end of a PCI link.
struct End {
    double gigatransfers_per_s = 0;  ///< at its best; 0: unknown
    int lanes = 0;                   ///< 0: unknown
};

int smaller_known(int a, int b) {
    return a == 0 || b == 0 ? std::max(a, b) : std::min(a, b);
}

class PciFolder {
  public:
    explicit PciFolder(const std::string& root) : path_(root + "/sys/bus/pci/devices/") {}

    End end_of(const std::string& pci_id) const {
        if (pci_id.empty()) return {};
        const auto read = [&](const char* name) {
            return read_small_file(path_ + pci_id + "/" + name).value_or("");
        };
        End end{.gigatransfers_per_s = parse_transfer_rate(read("max_link_speed")).value_or(0)};
        // Speed idles, width does not; a slot may have fewer wires than its port could use.
        for (const char* name : {"current_link_width", "max_link_width"}) {
            const int lanes = parse_number<int>(trim(read(name))).value_or(0);
            if (lanes >= 1 && lanes <= 32) return {end.gigatransfers_per_s, lanes};
        }
        return end;
    }

  private:
    std::string path_;
};

/// The best that a link does whose lower end is `pci_id` and which hangs on `bridge`.
double link_between(const Machine& machine, const PciFolder& folder, const std::string& pci_id,
                    int bridge) {
    const End own = folder.end_of(pci_id);
    End above;
    if (bridge >= 0 && faces_down(machine, bridge))
        above = folder.end_of(machine.bridges[static_cast<std::size_t>(bridge)].pci_id);
    double rate = own.gigatransfers_per_s;
    if (above.gigatransfers_per_s > 0) rate = std::min(rate, above.gigatransfers_per_s);
    return pcie_gbytes_per_s(rate, smaller_known(own.lanes, above.lanes));
}

std::vector<std::string> names_in(const std::string& folder) {
    std::vector<std::string> names;
    std::error_code error;
    for (std::filesystem::directory_iterator at(folder, error), end; !error && at != end;
         at.increment(error))
        names.push_back(at->path().filename());
    return names;
}

/// GB/s of the ports of an RDMA device that are up; nullopt: it is none, 0: none is up.
std::optional<double> active_ports(const std::string& folder) {
    const auto ports = names_in(folder + "/ports");
    if (ports.empty()) return std::nullopt;
    double gbytes_per_s = 0;
    for (const std::string& port : ports) {
        const std::string path = folder + "/ports/" + port;
        // "4: ACTIVE", and "400 Gb/sec (4X NDR)".
        if (!read_small_file(path + "/state").value_or("").starts_with("4")) continue;
        const std::string rate = read_small_file(path + "/rate").value_or("");
        const auto number = parse_number<double>(rate.substr(0, rate.find(' ')));
        gbytes_per_s += number.value_or(0) / 8;
        if (!number) gbytes_per_s += 1e-9;  // up, at a speed that is not told
    }
    return gbytes_per_s;
}

/// Is it up, and how fast? Leaves `nic` alone where the kernel knows no such interface.
bool carries_data(Nic& nic, const std::string& root) {
    if (const auto ports = active_ports(root + "/sys/class/infiniband/" + nic.name)) {
        if (*ports > 1e-6) nic.network_gbytes_per_s = *ports;
        return *ports > 0;
    }
    const std::string folder = root + "/sys/class/net/" + nic.name;
    const auto state = read_small_file(folder + "/operstate");
    if (!state) return true;
    // Drivers without link detection say "unknown".
    if (trim(*state) != "up" && trim(*state) != "unknown") return false;
    const auto megabits =
        parse_number<double>(trim(read_small_file(folder + "/speed").value_or("")));
    if (megabits && *megabits > 0) nic.network_gbytes_per_s = *megabits / 8000;
    return true;
}

}  // namespace

void refine_devices(Machine& machine, const std::string& root) {
    std::erase_if(machine.nics, [&](Nic& nic) { return !carries_data(nic, root); });
    const PciFolder folder(root);
    const auto raise = [&](double& gbytes_per_s, const std::string& pci_id, int above) {
        gbytes_per_s = std::max(gbytes_per_s, link_between(machine, folder, pci_id, above));
    };
    for (Gpu& gpu : machine.gpus) raise(gpu.gbytes_per_s, gpu.pci_id, gpu.bridge);
    for (Nic& nic : machine.nics) raise(nic.gbytes_per_s, nic.pci_id, nic.bridge);
    for (std::size_t i = 0; i < machine.bridges.size(); ++i)
        if (Bridge& bridge = machine.bridges[i];
            bridge.parent >= 0 && !faces_down(machine, static_cast<int>(i)))
            raise(bridge.gbytes_per_s, bridge.pci_id, bridge.parent);
    settle_links(machine, {});
}

int count_adapters(const std::string& root) {
    return static_cast<int>(names_in(root + "/sys/class/infiniband").size() +
                            names_in(root + "/sys/class/cxi").size());
}

}  // namespace ipcrun::topology
