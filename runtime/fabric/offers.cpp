// SPDX-License-Identifier: Apache-2.0
#include "runtime/fabric/offers.hpp"

#include <rdma/fi_domain.h>
#include <rdma/fi_endpoint.h>
#include <rdma/fi_errno.h>

#include <algorithm>
#include <cstring>

#include "base/fail.hpp"
#include "runtime/fabric/network_name.hpp"

namespace ipcrun {

namespace {

// What we use has been there since then.
constexpr std::uint32_t api_version = FI_VERSION(1, 14);

bool has_layer(std::string_view provider, std::string_view layer) {
    while (!provider.empty()) {
        const std::size_t end = provider.find(';');
        if (provider.substr(0, end) == layer) return true;
        provider.remove_prefix(end == std::string_view::npos ? provider.size() : end + 1);
    }
    return false;
}

template <std::size_t Count>
bool has_any(std::string_view provider, const std::string_view (&layers)[Count]) {
    return std::any_of(std::begin(layers), std::end(layers),
                       [provider](std::string_view layer) { return has_layer(provider, layer); });
}

FabricInfo hints(std::string_view provider, int memory_modes) {
    FabricInfo result(fi_allocinfo());
    if (result == nullptr) throw std::bad_alloc();
    result->ep_attr->type = FI_EP_RDM;
    result->caps = FI_MSG | FI_TAGGED;
    result->mode = FI_CONTEXT | FI_CONTEXT2;
    result->domain_attr->threading = FI_THREAD_DOMAIN;
    result->domain_attr->mr_mode = memory_modes;
    if (!provider.empty())
        result->fabric_attr->prov_name = ::strndup(provider.data(), provider.size());
    return result;
}

// Null: nothing. `own`: only what has this address of IP.
FabricInfo ask(std::string_view provider, int memory_modes, const Address* own) {
    fi_info* list = nullptr;
    const int result =
        fi_getinfo(api_version, own != nullptr ? own->host.c_str() : nullptr, nullptr,
                   own != nullptr ? FI_SOURCE : 0, hints(provider, memory_modes).get(), &list);
    if (result != 0 && result != -FI_ENODATA && result != -FI_ENOSYS)
        fail(ErrorCode::config, "ask libfabric for '{}': {}",
             provider.empty() ? "all providers" : provider, fi_strerror(-result));
    return FabricInfo(result == 0 ? list : nullptr);
}

std::string_view name_of(const fi_info& info) {
    return info.fabric_attr->prov_name;
}

std::string pci_id_of(const fi_info& info) {
    const fi_bus_attr* const bus = info.nic == nullptr ? nullptr : info.nic->bus_attr;
    if (bus == nullptr || bus->bus_type != FI_BUS_PCI) return "";
    const fi_pci_attr& pci = bus->attr.pci;
    return fmt::format("{:04x}:{:02x}:{:02x}.{:x}", pci.domain_id, pci.bus_id, pci.device_id,
                       pci.function_id);
}

NicOffer describe(const fi_info& info) {
    const auto text = [](const char* string) { return string == nullptr ? "" : string; };
    const fi_device_attr* const device = info.nic == nullptr ? nullptr : info.nic->device_attr;
    return {.provider = std::string(name_of(info)),
            .network = network_name(info),
            .domain = text(info.domain_attr->name),
            .pci_id = pci_id_of(info),
            .device = text(device == nullptr ? nullptr : device->name)};
}

// Those that register memory by themselves know when it goes: they come first. Then those that have
// the address that this rank is known by.
template <typename Condition>
std::vector<FabricInfo> list_all(std::string_view provider, const Address& own,
                                 Condition condition) {
    std::vector<FabricInfo> found;
    for (const int memory_modes : {0, FI_MR_LOCAL})
        for (const Address* const source : {&own, static_cast<const Address*>(nullptr)}) {
            const FabricInfo list = ask(provider, memory_modes, source);
            for (const fi_info* info = list.get(); info != nullptr; info = info->next)
                // TCP takes no other address.
                if (condition(*info) && (source != nullptr || !is_mere_tcp(name_of(*info))))
                    found.emplace_back(fi_dupinfo(info));
        }
    return found;
}

template <typename Condition>
std::vector<FabricOffer> find(std::string_view provider, const Address& own, const OwnNic& nic,
                              Condition condition) {
    std::vector<FabricInfo> infos = list_all(provider, own, condition);
    std::vector<NicOffer> descriptions;
    for (const FabricInfo& info : infos) descriptions.push_back(describe(*info));
    std::vector<FabricOffer> result;
    for (OfferChoice& choice : choose_offers(descriptions, nic))
        result.push_back({std::move(infos[choice.index]), std::move(choice.adapter)});
    return result;
}

std::string describe_offers() {
    std::vector<std::string> names;
    const FabricInfo list = ask("", FI_MR_LOCAL, nullptr);
    for (const fi_info* info = list.get(); info != nullptr; info = info->next) {
        const std::string name(name_of(*info));
        if (!is_barred(name) && std::find(names.begin(), names.end(), name) == names.end())
            names.push_back(name);
    }
    return names.empty() ? "nothing" : fmt::format("{}", fmt::join(names, ", "));
}

}  // namespace

bool is_barred(std::string_view provider) {
    static constexpr std::string_view barred[] = {"sockets",   "shm", "udp", "ofi_rxd",
                                                  "ofi_mrail", "sm2", "lnx", "off"};
    return has_any(provider, barred);
}

bool is_mere_tcp(std::string_view provider) {
    static constexpr std::string_view layers[] = {"tcp", "net"};
    return has_any(provider, layers);
}

std::vector<FabricOffer> choose_fabrics(std::string_view wish, const Address& own,
                                        const OwnNic& nic) {
    if (wish == "auto")
        return find("", own, nic, [](const fi_info& info) {
            return !is_barred(name_of(info)) && !is_mere_tcp(name_of(info));
        });
    if (is_barred(wish))
        fail(ErrorCode::config, "fabric '{}' is not for messages between hosts; there is {}", wish,
             describe_offers());
    // "tcp" alone is "tcp;ofi_rxm" where it has no such endpoints itself.
    for (const std::string& name : {std::string(wish), std::string(wish) + ";ofi_rxm"})
        if (auto found =
                find(wish, own, nic, [&](const fi_info& info) { return name_of(info) == name; });
            !found.empty())
            return found;
    fail(ErrorCode::unsupported, "there is no fabric '{}' at {}; fi_getinfo offers {}", wish,
         own.host, describe_offers());
}

}  // namespace ipcrun
