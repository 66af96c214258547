// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The addresses of a host's name, within a deadline.

#include <sys/socket.h>

#include <vector>

#include "base/address.hpp"
#include "base/deadline.hpp"

namespace ipcrun {

/// The address of a socket, as the kernel takes it.
struct SocketAddress {
    sockaddr_storage storage = {};
    socklen_t bytes = 0;

    int family() const { return storage.ss_family; }
    const sockaddr* get() const { return reinterpret_cast<const sockaddr*>(&storage); }
};

/// Names that may be looked up at a time in this process: the C library's look-up cannot be broken
/// off, so those whose callers have gone go on for some seconds.
constexpr int lookups_max = 64;

/// All that `address` stands for, in the order in which they should be tried; at least one.
/// Numbers, and Unix sockets, at once; a name is looked up by a thread that is left alone when the
/// deadline passes. `to_listen`: an empty host means all addresses of this host, those of IPv6
/// first, which take connections of IPv4, too. Throws Error: config (the name is unknown), usage
/// (no address), timeout, system.
std::vector<SocketAddress> resolve(const Address& address, bool to_listen, Deadline deadline);

}  // namespace ipcrun
