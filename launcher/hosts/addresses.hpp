// SPDX-License-Identifier: Apache-2.0
#pragma once
/// By which of its addresses a host is reached by the others. Never by its name: names of hosts
/// resolve to 127.0.1.1, to a network for management, or to nothing.

#include <string>
#include <string_view>
#include <vector>

#include "launcher/hosts/host_list.hpp"

namespace ipcrun {

/// What an agent can tell of the way between its host and the launcher's; empty: not known.
struct Route {
    std::string own = {};       ///< the address of its host there, in numbers
    std::string launcher = {};  ///< that of the launcher's, as seen from there
};

/// Of an agent that was started over the network: what `ssh_connection` (the variable that sshd
/// sets: "10.0.0.1 4711 10.0.0.2 22") tells. Addresses that mean something on one link only
/// (fe80::) are none. Pure.
Route route_of(const std::string& ssh_connection);

/// The address of a network interface of this host: of IPv4 if it has one. Throws Error{usage} that
/// lists those there are.
std::string address_of_interface(const std::string& name);

struct HostAddress {
    std::string address;  ///< empty: there is none
    std::string reason;   ///< "the address that ssh reached it at"
};
constexpr std::string_view reached_by_ssh = "the address that ssh reached it at";
constexpr std::string_view seen_by_launcher = "the address that its agent came from";

/// The address of each host, from the routes of all of them. `own_host`: the launcher's; -1: it has
/// no part. `interface`: of --iface; then Route::own is its address. `reason`: of routes. Pure.
std::vector<HostAddress> choose_addresses(const std::vector<Route>& routes, int own_host,
                                          const std::string& interface,
                                          std::string_view reason = reached_by_ssh);

/// For people: "host h2 is reached at 10.0.0.2: the address that ssh reached it at", one for each
/// host. Pure.
std::vector<std::string> describe_addresses(const std::vector<NamedHost>& hosts,
                                            const std::vector<HostAddress>& addresses);

}  // namespace ipcrun
