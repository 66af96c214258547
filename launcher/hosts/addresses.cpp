// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/addresses.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>

#include <algorithm>
#include <memory>
#include <string_view>

#include "base/fail.hpp"
#include "base/text.hpp"

namespace ipcrun {

namespace {

// "fe80::1%eth0": the part behind the sign means another thing on every host.
bool is_link_local(std::string_view address) {
    return address.starts_with("fe80:") || address.find('%') != address.npos;
}

std::string usable(std::string_view address) {
    constexpr std::string_view mapped = "::ffff:";  // IPv4 that came to a socket of IPv6
    if (address.starts_with(mapped) && address.find('.') != address.npos)
        address.remove_prefix(mapped.size());
    return is_link_local(address) ? std::string() : std::string(address);
}

}  // namespace

Route route_of(const std::string& ssh_connection) {
    std::vector<std::string_view> words;
    for (const std::string_view word : split(ssh_connection, ' '))
        if (!word.empty()) words.push_back(word);
    constexpr std::size_t words_wanted = 4;  // client, its port, server, its port
    if (words.size() != words_wanted) return {};
    return {.own = usable(words[2]), .launcher = usable(words[0])};
}

std::string address_of_interface(const std::string& name) {
    ifaddrs* list = nullptr;
    check_syscall(::getifaddrs(&list), "list the network interfaces");
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
    std::string found;
    std::vector<std::string> names;
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr) continue;
        const int family = entry->ifa_addr->sa_family;
        if (family != AF_INET && family != AF_INET6) continue;
        if (std::find(names.begin(), names.end(), entry->ifa_name) == names.end())
            names.emplace_back(entry->ifa_name);
        if (entry->ifa_name != name || (family == AF_INET6 && !found.empty())) continue;
        char text[NI_MAXHOST];
        const auto bytes =
            static_cast<socklen_t>(family == AF_INET ? sizeof(sockaddr_in) : sizeof(sockaddr_in6));
        if (::getnameinfo(entry->ifa_addr, bytes, text, sizeof text, nullptr, 0, NI_NUMERICHOST) !=
            0)
            continue;
        if (family == AF_INET) return text;
        found = usable(text);
    }
    if (!found.empty()) return found;
    std::string all;
    for (const std::string& one : names) all += (all.empty() ? "" : ", ") + one;
    fail(ErrorCode::usage,
         "option --iface {}: no interface with an address is called so (there are: {})", name, all);
}

std::vector<HostAddress> choose_addresses(const std::vector<Route>& routes, int own_host,
                                          const std::string& interface, std::string_view reason) {
    std::vector<HostAddress> chosen;
    for (const Route& route : routes)
        chosen.push_back({route.own, interface.empty()
                                         ? std::string(reason)
                                         : fmt::format("the interface {}", interface)});
    if (own_host < 0 || !interface.empty()) return chosen;
    HostAddress& own = chosen[static_cast<std::size_t>(own_host)];
    own = {};
    for (std::size_t host = 0; host < routes.size() && own.address.empty(); ++host)
        if (static_cast<int>(host) != own_host && !routes[host].launcher.empty())
            own = {routes[host].launcher, "the address that the other hosts see ssh come from"};
    return chosen;
}

std::vector<std::string> describe_addresses(const std::vector<NamedHost>& hosts,
                                            const std::vector<HostAddress>& addresses) {
    std::vector<std::string> lines;
    for (std::size_t host = 0; host < hosts.size(); ++host)
        lines.push_back(addresses[host].address.empty()
                            ? fmt::format("no address of host {} is known", hosts[host].name)
                            : fmt::format("host {} is reached at {}: {}", hosts[host].name,
                                          addresses[host].address, addresses[host].reason));
    return lines;
}

}  // namespace ipcrun
