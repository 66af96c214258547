// SPDX-License-Identifier: Apache-2.0
#include "runtime/fabric/network_name.hpp"

#include <arpa/inet.h>
#include <fmt/format.h>
#include <ifaddrs.h>
#include <netinet/in.h>

#include <algorithm>
#include <bit>
#include <cstdint>
#include <memory>
#include <span>
#include <vector>

namespace ipcrun {

namespace {

using Octets = std::span<const std::uint8_t>;

Octets octets_of(const sockaddr* address) {
    if (address != nullptr && address->sa_family == AF_INET) {
        const in_addr& four = reinterpret_cast<const sockaddr_in*>(address)->sin_addr;
        return {reinterpret_cast<const std::uint8_t*>(&four), sizeof four};
    }
    if (address != nullptr && address->sa_family == AF_INET6)
        return reinterpret_cast<const sockaddr_in6*>(address)->sin6_addr.s6_addr;
    return {};
}

// Addresses that are a link's own begin alike on every link, and are reached on that one alone.
// 0: no such address.
std::uint32_t link_of(const sockaddr& address) {
    return address.sa_family == AF_INET6
               ? reinterpret_cast<const sockaddr_in6&>(address).sin6_scope_id
               : 0;
}

// All of the address where no interface has it: then it is on no network with others.
std::string subnet_of(const sockaddr& address) {
    const Octets octets = octets_of(&address);
    std::vector<std::uint8_t> masked(octets.begin(), octets.end());
    int prefix = static_cast<int>(8 * octets.size());
    ifaddrs* list = nullptr;
    if (::getifaddrs(&list) != 0) list = nullptr;
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> guard(list, ::freeifaddrs);
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        const Octets other = octets_of(entry->ifa_addr), mask = octets_of(entry->ifa_netmask);
        if (mask.size() != octets.size() || !std::ranges::equal(other, octets)) continue;
        prefix = 0;
        for (std::size_t i = 0; i < masked.size(); ++i) {
            masked[i] &= mask[i];
            prefix += std::popcount(mask[i]);
        }
        break;
    }
    char text[INET6_ADDRSTRLEN] = "";
    (void)::inet_ntop(address.sa_family, masked.data(), text, sizeof text);
    const std::uint32_t link = link_of(address);
    return fmt::format("{}/{}{}", text, prefix, link == 0 ? "" : fmt::format("%{}", link));
}

}  // namespace

std::string network_name(const fi_info& info) {
    std::string result = info.fabric_attr->name == nullptr ? "" : info.fabric_attr->name;
    const std::uint32_t format = info.addr_format;
    const bool has_ip =
        format == FI_SOCKADDR || format == FI_SOCKADDR_IN || format == FI_SOCKADDR_IN6;
    const auto* const address = static_cast<const sockaddr*>(info.src_addr);
    if (has_ip && !octets_of(address).empty()) result += " " + subnet_of(*address);
    return result;
}

}  // namespace ipcrun
