// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/kfd.hpp"

#include <fmt/format.h>

#include <cstdint>
#include <map>
#include <optional>
#include <string_view>
#include <vector>

#include "base/text.hpp"
#include "topology/discover/gpu_link_table.hpp"
#include "topology/discover/pcie.hpp"
#include "topology/discover/small_file.hpp"

namespace ipcrun::topology {

namespace {

// Numbers as the kernel has them (drivers/gpu/drm/amd/amdkfd/kfd_crat.h).
constexpr std::uint64_t link_type_xgmi = 11;
constexpr int nodes_max = 1024;

/// "name value" a line.
using Properties = std::map<std::string, std::uint64_t, std::less<>>;

std::optional<Properties> read_properties(const std::string& folder) {
    const auto text = read_small_file(folder + "/properties");
    if (!text) return std::nullopt;
    Properties properties;
    for (const std::string_view line : split(*text, '\n')) {
        const auto blank = line.find(' ');
        if (blank == std::string_view::npos) continue;
        if (const auto value = parse_number<std::uint64_t>(trim(line.substr(blank))))
            properties.emplace(line.substr(0, blank), *value);
    }
    return properties;
}

std::uint64_t value_of(const Properties& properties, std::string_view name) {
    const auto found = properties.find(name);
    return found != properties.end() ? found->second : 0;
}

std::string pci_id_of(const Properties& node) {
    const auto location = static_cast<unsigned>(value_of(node, "location_id"));
    return format_pci_id(static_cast<unsigned>(value_of(node, "domain")), location >> 8 & 0xff,
                         location >> 3 & 0x1f, location & 7);
}

/// A processor or a GPU as the driver counts them.
struct Node {
    std::string folder;
    std::optional<std::size_t> gpu;  ///< index into Machine::gpus
    bool processor = false;
};

std::vector<Node> read_nodes(Machine& machine, const std::string& root) {
    std::vector<Node> nodes;
    while (nodes.size() < nodes_max) {
        Node node;
        node.folder = fmt::format("{}/sys/class/kfd/kfd/topology/nodes/{}", root, nodes.size());
        const auto properties = read_properties(node.folder);
        if (!properties) break;
        node.processor = value_of(*properties, "cpu_cores_count") > 0;
        const std::string id = pci_id_of(*properties);
        for (std::size_t i = 0; i < machine.gpus.size(); ++i) {
            Gpu& gpu = machine.gpus[i];
            if (value_of(*properties, "simd_count") == 0 || gpu.pci_id != id) continue;
            node.gpu = i;
            // As ROCm writes it, less its "GPU-".
            if (const std::uint64_t serial = value_of(*properties, "unique_id");
                serial != 0 && gpu.uuid.empty())
                gpu.uuid = fmt::format("{:016x}", serial);
            if (gpu.bytes == 0)
                gpu.bytes =
                    value_of(read_properties(node.folder + "/mem_banks/0").value_or(Properties{}),
                             "size_in_bytes");
        }
        nodes.push_back(std::move(node));
    }
    return nodes;
}

}  // namespace

void add_kfd(Machine& machine, const std::string& root) {
    const std::vector<Node> nodes = read_nodes(machine, root);
    GpuLinkTable table(machine.gpus.size());
    for (const Node& node : nodes) {
        if (!node.gpu) continue;
        for (int i = 0; i < nodes_max; ++i) {
            const auto link = read_properties(fmt::format("{}/io_links/{}", node.folder, i));
            if (!link) break;
            const std::uint64_t to = value_of(*link, "node_to");
            if (value_of(*link, "type") != link_type_xgmi || to >= nodes.size()) continue;
            // Megabytes a second of all links to that neighbour, each direction.
            const double gbytes_per_s =
                static_cast<double>(value_of(*link, "max_bandwidth")) / 1000;
            if (const auto other = nodes[to].gpu)
                table.add_direct(*node.gpu, *other, gbytes_per_s);
            else if (nodes[to].processor)
                table.add_host(*node.gpu, gbytes_per_s);
        }
    }
    if (machine.gpu_links.empty()) table.add_to(machine);
}

}  // namespace ipcrun::topology
