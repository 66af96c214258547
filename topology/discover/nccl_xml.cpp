// SPDX-License-Identifier: Apache-2.0
#include "topology/discover/nccl_xml.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <cctype>
#include <map>
#include <optional>
#include <pugixml.hpp>
#include <string_view>
#include <utility>
#include <vector>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "topology/discover/gpu_link_table.hpp"
#include "topology/discover/pci_models.hpp"
#include "topology/discover/pcie.hpp"

namespace ipcrun::topology {

namespace {

/// Beyond these a file is no machine but a mistake, or worse.
constexpr int depth_max = 32;
constexpr std::size_t devices_max = 4096, cpu_bits_max = 1 << 16;

std::string lower(std::string_view text) {
    std::string result(text);
    for (char& c : result) c = static_cast<char>(std::tolower(static_cast<unsigned char>(c)));
    return result;
}

/// "0x10de"; 0 when there is none.
unsigned hexadecimal(std::string_view text) {
    if (text.starts_with("0x")) text.remove_prefix(2);
    unsigned value = 0;
    const auto [stop, error] = std::from_chars(text.data(), text.data() + text.size(), value, 16);
    return error == std::errc() && stop == text.data() + text.size() ? value : 0;
}

int integer(const pugi::xml_node& element, const char* name, int otherwise = 0) {
    return parse_number<int>(trim(element.attribute(name).value())).value_or(otherwise);
}

/// "000000ff,ffff0000": the kernel's form for masks, 32 bits a word, the highest first.
std::optional<std::vector<int>> parse_mask(std::string_view text) {
    const auto words = split(text, ',');
    if (words.size() > cpu_bits_max / 32) return std::nullopt;
    std::vector<int> cpus;
    for (std::size_t i = 0; i < words.size(); ++i) {
        const std::string_view word = trim(words[words.size() - 1 - i]);
        const unsigned bits = hexadecimal(word);
        if (bits == 0 && word.find_first_not_of("0x") != std::string_view::npos)
            return std::nullopt;
        for (int bit = 0; bit < 32; ++bit)
            if ((bits >> bit & 1) != 0) cpus.push_back(static_cast<int>(32 * i) + bit);
    }
    return cpus;
}

/// Which CPUs are threads of one core: Linux on x86 counts the second threads after all first ones.
std::vector<std::vector<int>> group_threads(const std::vector<int>& cpus) {
    std::vector<std::size_t> starts;
    for (std::size_t i = 0; i < cpus.size(); ++i)
        if (i == 0 || cpus[i] != cpus[i - 1] + 1) starts.push_back(i);
    const std::size_t half = cpus.size() / 2;
    const bool threads = starts.size() == 2 && starts[1] == half && cpus.size() % 2 == 0;
    std::vector<std::vector<int>> cores;
    for (std::size_t i = 0; i < (threads ? half : cpus.size()); ++i) {
        cores.push_back({cpus[i]});
        if (threads) cores.back().push_back(cpus[half + i]);
    }
    return cores;
}

class Reader {
  public:
    Reader(const pugi::xml_node& system, const std::string& source) : source_(source) {
        for (const pugi::xml_node& cpu : system.children("cpu")) read_cpu(cpu);
        if (machine_.cores.empty())
            refuse("no <cpu> in it has a CPU in its affinity mask, so no rank can be placed");
        machine_.packages = static_cast<int>(machine_.numa_nodes.size());
        add_links();
    }
    Machine take() { return std::move(machine_); }

  private:
    [[noreturn]] void refuse(const std::string& why) const {
        fail(ErrorCode::usage, "read the topology {} (NCCL's form): {}", source_, why);
    }

    void read_cpu(const pugi::xml_node& cpu) {
        const int number = integer(cpu, "numaid", -1);
        const int node = static_cast<int>(machine_.numa_nodes.size());
        if (node == 1024) refuse("more than 1024 <cpu> elements");
        for (const NumaNode& other : machine_.numa_nodes)
            if (other.os_index == number)
                refuse(
                    fmt::format("two <cpu> elements have the numaid {} (is it the dump of more "
                                "than one host?)",
                                number));
        machine_.numa_nodes.push_back({.os_index = std::max(number, 0)});
        const auto cpus = parse_mask(cpu.attribute("affinity").value());
        if (!cpus)
            refuse(fmt::format("the affinity '{}' is no mask of CPUs",
                               excerpt(cpu.attribute("affinity").value())));
        const int first_core = static_cast<int>(machine_.cores.size());
        for (std::vector<int>& threads : group_threads(*cpus))
            machine_.cores.push_back({.cpus = std::move(threads),
                                      .package = node,
                                      .numa_node = node,
                                      .last_level_cache = node,
                                      .l2 = static_cast<int>(machine_.cores.size())});
        const bool empty = static_cast<int>(machine_.cores.size()) == first_core;
        near_ = empty ? Nearness{} : Nearness{node, node, node};
        if (!cpu.child("pci").empty()) {
            machine_.bridges.push_back({.parent = -1, .pci_id = {}, .near = near_});
            read_pci(cpu, static_cast<int>(machine_.bridges.size()) - 1, 0);
        }
        Device off_pci;
        off_pci.near = near_;
        read_nics(cpu, off_pci);
    }

    void read_pci(const pugi::xml_node& above, int bridge, int depth) {
        if (depth == depth_max) refuse(fmt::format("more than {} bridges deep", depth_max));
        for (const pugi::xml_node& pci : above.children("pci")) {
            if (machine_.bridges.size() + machine_.gpus.size() + machine_.nics.size() > devices_max)
                refuse(fmt::format("more than {} devices", devices_max));
            const unsigned kind = hexadecimal(pci.attribute("class").value()) >> 16;
            const Device device{.name = {},
                                .pci_id = lower(pci.attribute("busid").value()),
                                .uuid = {},
                                .model = {},
                                .bridge = bridge,
                                .gbytes_per_s = link_of(pci),
                                .near = near_};
            constexpr unsigned display = 0x03, network = 0x02, bridges = 0x06;
            if (!pci.child("gpu").empty() || kind == display) {
                read_gpu(pci, device);
            } else if (!pci.child("nic").empty() || kind == network) {
                read_nics(pci, device);
            } else if (!pci.child("pci").empty() || kind == bridges) {
                machine_.bridges.push_back({.parent = bridge,
                                            .pci_id = device.pci_id,
                                            .gbytes_per_s = device.gbytes_per_s,
                                            .near = near_});
                read_pci(pci, static_cast<int>(machine_.bridges.size()) - 1, depth + 1);
            }
        }
    }

    static double link_of(const pugi::xml_node& pci) {
        const auto rate = parse_transfer_rate(pci.attribute("link_speed").value());
        return rate ? pcie_gbytes_per_s(*rate, integer(pci, "link_width")) : 0;
    }

    static PciModel model_of(const pugi::xml_node& pci) {
        return {static_cast<std::uint16_t>(hexadecimal(pci.attribute("vendor").value())),
                static_cast<std::uint16_t>(hexadecimal(pci.attribute("device").value()))};
    }

    void read_gpu(const pugi::xml_node& pci, const Device& device) {
        const pugi::xml_node element = pci.child("gpu");
        Gpu gpu{{device}};
        const PciModel model = model_of(pci);
        gpu.vendor = gpu_vendor_of(model.vendor);
        gpu.name = fmt::format("gpu{}", integer(element, "dev", static_cast<int>(gpus_.size())));
        if (gpu.gbytes_per_s == 0) {
            const KnownLink link = known_gpu_link(model);
            gpu.gbytes_per_s =
                pcie_gbytes_per_s(pcie_gigatransfers_per_s(link.generation), link.lanes);
        }
        gpus_.emplace_back(std::move(gpu), element);
    }

    /// The ports of one PCI function are one NIC.
    void read_nics(const pugi::xml_node& above, const Device& device) {
        Nic nic{{device}};
        double megabits_per_s = 0;
        for (const pugi::xml_node& element : above.children("nic")) {
            for (const pugi::xml_node& port : element.children("net")) {
                megabits_per_s += std::max(0, integer(port, "speed"));
                if (nic.name.empty()) nic.name = port.attribute("name").value();
                const std::string guid = port.attribute("guid").value();
                if (hexadecimal(guid) != 0 || guid.size() > 10) nic.uuid = guid;
            }
        }
        if (nic.name.empty() && device.pci_id.empty()) return;
        if (nic.name.empty()) nic.name = fmt::format("nic{}", machine_.nics.size());
        nic.network_gbytes_per_s = megabits_per_s / 8000;
        if (megabits_per_s == 0) {
            nic.network_gbytes_per_s = network_gbytes_per_s(model_of(above));
            if (nic.gbytes_per_s > 0)
                nic.network_gbytes_per_s = std::min(nic.network_gbytes_per_s, nic.gbytes_per_s);
        }
        machine_.nics.push_back(std::move(nic));
    }

    void add_links() {
        std::stable_sort(gpus_.begin(), gpus_.end(), [](const auto& a, const auto& b) {
            return pci_id_less(a.first.pci_id, b.first.pci_id);
        });
        std::stable_sort(
            machine_.nics.begin(), machine_.nics.end(),
            [](const Nic& a, const Nic& b) { return pci_id_less(a.pci_id, b.pci_id); });
        std::map<std::string, std::size_t> indices;
        for (const auto& [gpu, element] : gpus_) {
            indices.emplace(gpu.pci_id, machine_.gpus.size());
            machine_.gpus.push_back(gpu);
        }
        GpuLinkTable table(gpus_.size());
        for (std::size_t i = 0; i < gpus_.size(); ++i) {
            const pugi::xml_node& gpu = gpus_[i].second;
            const int architecture = integer(gpu, "gcn", integer(gpu, "sm"));
            for (const pugi::xml_node& link : gpu.children("nvlink"))
                add_link(table, i, link, nvlink_gbytes_per_s(integer(gpu, "sm")), indices);
            for (const pugi::xml_node& link : gpu.children("xgmi"))
                add_link(table, i, link, xgmi_gbytes_per_s(architecture), indices);
        }
        table.add_to(machine_);
    }

    static void add_link(GpuLinkTable& table, std::size_t gpu, const pugi::xml_node& link,
                         double gbytes_per_s, const std::map<std::string, std::size_t>& indices) {
        // NCCL's own table of what the class of a target means.
        constexpr unsigned nvswitch = 0x068000, processor = 0x068001;
        const unsigned target = hexadecimal(link.attribute("tclass").value());
        gbytes_per_s *= std::clamp(integer(link, "count"), 0, 64);
        if (gbytes_per_s <= 0) return;
        if (target == nvswitch) table.add_switched(gpu, gbytes_per_s);
        if (target == processor) table.add_host(gpu, gbytes_per_s);
        const auto other = indices.find(lower(link.attribute("target").value()));
        if (other != indices.end()) table.add_direct(gpu, other->second, gbytes_per_s);
    }

    const std::string& source_;
    Machine machine_;
    Nearness near_;
    std::vector<std::pair<Gpu, pugi::xml_node>> gpus_;
};

}  // namespace

Machine read_nccl(const pugi::xml_node& system, const std::string& source) {
    return Reader(system, source).take();
}

}  // namespace ipcrun::topology
