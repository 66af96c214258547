// SPDX-License-Identifier: Apache-2.0
#include "base/reachable_address.hpp"

#include <ifaddrs.h>
#include <net/if.h>
#include <netdb.h>
#include <netinet/in.h>

#include <cstdint>
#include <memory>

#include "base/fail.hpp"
#include "base/resolve.hpp"
#include "base/unique_fd.hpp"

namespace ipcrun {

namespace {

bool is_local(const sockaddr& address) {
    if (address.sa_family == AF_INET) {
        const auto& internet = reinterpret_cast<const sockaddr_in&>(address);
        return ntohl(internet.sin_addr.s_addr) >> 24 == IN_LOOPBACKNET;
    }
    const in6_addr& number = reinterpret_cast<const sockaddr_in6&>(address).sin6_addr;
    return IN6_IS_ADDR_LOOPBACK(&number) || IN6_IS_ADDR_LINKLOCAL(&number);
}

// Empty for what means nothing to other hosts.
std::string text_of(const sockaddr& address) {
    if (is_local(address)) return {};
    const auto bytes = static_cast<socklen_t>(address.sa_family == AF_INET ? sizeof(sockaddr_in)
                                                                           : sizeof(sockaddr_in6));
    char text[NI_MAXHOST];
    const int result =
        ::getnameinfo(&address, bytes, text, sizeof text, nullptr, 0, NI_NUMERICHOST);
    return result == 0 ? text : "";
}

// A socket for datagrams that is connected has sent nothing, and knows its way.
std::string source_towards(const SocketAddress& peer) {
    const UniqueFd socket(::socket(peer.family(), SOCK_DGRAM | SOCK_CLOEXEC, 0));
    SocketAddress own;
    own.bytes = sizeof own.storage;
    if (!socket || ::connect(socket.get(), peer.get(), peer.bytes) != 0 ||
        ::getsockname(socket.get(), reinterpret_cast<sockaddr*>(&own.storage), &own.bytes) != 0)
        return {};
    return text_of(*own.get());
}

std::string address_of_any_interface() {
    ifaddrs* list = nullptr;
    check_syscall(::getifaddrs(&list), "list the network interfaces");
    const std::unique_ptr<ifaddrs, decltype(&::freeifaddrs)> owner(list, ::freeifaddrs);
    std::string found;
    for (const ifaddrs* entry = list; entry != nullptr; entry = entry->ifa_next) {
        if (entry->ifa_addr == nullptr || (entry->ifa_flags & IFF_UP) == 0) continue;
        const int family = entry->ifa_addr->sa_family;
        if (family != AF_INET && (family != AF_INET6 || !found.empty())) continue;
        const std::string text = text_of(*entry->ifa_addr);
        if (family == AF_INET && !text.empty()) return text;
        if (!text.empty()) found = text;
    }
    return found;
}

}  // namespace

std::string reachable_address(const std::string& towards) {
    constexpr std::uint16_t any_port = 9;  // nothing is sent there
    std::string found;
    if (!towards.empty())
        for (const SocketAddress& peer :
             resolve({.host = towards, .port = any_port}, false, Deadline::never()))
            if (found.empty()) found = source_towards(peer);
    if (found.empty()) found = address_of_any_interface();
    return found.empty() ? "127.0.0.1" : found;
}

}  // namespace ipcrun
