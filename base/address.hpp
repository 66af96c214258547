// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Where somebody listens: an address of a network, or a name of this host.

#include <cstdint>
#include <string>
#include <string_view>

namespace ipcrun {

struct Address {
    std::string host = {};   ///< a name, or a number of IPv4 or IPv6, without brackets
    std::uint16_t port = 0;  ///< to listen at: 0 means whichever is free
    /// Not empty: a Unix socket in the place of both. "@name": one without a file (an abstract one,
    /// of this network namespace).
    std::string path = {};

    bool is_unix() const { return !path.empty(); }
    bool operator==(const Address&) const = default;
};

/// "10.0.0.1:8080", "[::1]:8080", "unix:/run/x", "unix:@x".
std::string format_address(const Address& address);
/// What format_address() gives, and names of hosts. Throws Error{usage}.
Address parse_address(std::string_view text);

}  // namespace ipcrun
