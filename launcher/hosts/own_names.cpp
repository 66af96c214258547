// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/own_names.hpp"

#include <ifaddrs.h>
#include <netinet/in.h>
#include <strings.h>
#include <unistd.h>

#include <algorithm>
#include <climits>
#include <cstring>
#include <memory>
#include <string_view>

#include "base/fail.hpp"
#include "base/resolve.hpp"

namespace ipcrun {

namespace {

bool is_same_name(std::string_view left, std::string_view right) {
    return left.size() == right.size() &&
           ::strncasecmp(left.data(), right.data(), left.size()) == 0;
}

bool is_own_name(const std::string& name) {
    char buffer[HOST_NAME_MAX + 1] = {};
    check_syscall(::gethostname(buffer, sizeof buffer - 1), "ask for the name of this host");
    const std::string_view own = buffer;
    return is_same_name(name, "localhost") || is_same_name(name, own) ||
           is_same_name(name, own.substr(0, own.find('.')));
}

// As one of IPv6, in which those of IPv4 have their place.
in6_addr number_of(const sockaddr* address) {
    in6_addr number = {};
    if (address->sa_family == AF_INET6) {
        sockaddr_in6 six;
        std::memcpy(&six, address, sizeof six);
        return six.sin6_addr;
    }
    sockaddr_in four;
    std::memcpy(&four, address, sizeof four);
    number.s6_addr[10] = number.s6_addr[11] = 0xff;
    std::memcpy(&number.s6_addr[12], &four.sin_addr, sizeof four.sin_addr);
    return number;
}

bool is_internet(const sockaddr* address) {
    return address != nullptr && (address->sa_family == AF_INET || address->sa_family == AF_INET6);
}

// All of 127/8 is, of which the interface has one only: Debian gives 127.0.1.1 to the host's name.
bool is_loopback(const in6_addr& number) {
    return IN6_IS_ADDR_LOOPBACK(&number) ||
           (IN6_IS_ADDR_V4MAPPED(&number) && number.s6_addr[12] == 127);
}

struct FreeInterfaces {
    void operator()(ifaddrs* list) const { ::freeifaddrs(list); }
};

bool is_own_address(const sockaddr* address) {
    if (!is_internet(address)) return false;
    const in6_addr number = number_of(address);
    if (is_loopback(number)) return true;
    ifaddrs* list = nullptr;
    check_syscall(::getifaddrs(&list), "ask for the addresses of this host");
    const std::unique_ptr<ifaddrs, FreeInterfaces> owner(list);
    for (const ifaddrs* item = list; item != nullptr; item = item->ifa_next) {
        if (!is_internet(item->ifa_addr)) continue;
        const in6_addr own = number_of(item->ifa_addr);
        if (IN6_ARE_ADDR_EQUAL(&own, &number)) return true;
    }
    return false;
}

}  // namespace

bool is_this_host(const std::string& name, Deadline deadline) {
    if (name.find('@') != name.npos) return false;
    if (is_own_name(name)) return true;
    if (deadline.has_passed()) return false;  // and no look-up is begun in vain
    try {
        constexpr std::uint16_t any_port = 22;  // a look-up wants one
        const auto addresses = resolve({.host = name, .port = any_port}, false, deadline);
        return std::any_of(addresses.begin(), addresses.end(), [](const SocketAddress& address) {
            return is_own_address(address.get());
        });
    } catch (const Error& error) {
        if (error.code != ErrorCode::config && error.code != ErrorCode::timeout) throw;
        return false;
    }
}

}  // namespace ipcrun
