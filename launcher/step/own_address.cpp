// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/own_address.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <sys/socket.h>

#include <cstdlib>
#include <cstring>

#include "base/fail.hpp"
#include "base/stream_socket.hpp"
#include "base/unique_fd.hpp"
#include "launcher/hosts/addresses.hpp"

namespace ipcrun {

namespace {

constexpr const char* anywhere = "192.0.2.1";  // of nobody (RFC 5737): nothing is sent there
constexpr in_port_t any_port = 9;

std::string variable(const char* name) {
    const char* const text = std::getenv(name);
    return text == nullptr ? "" : text;
}

}  // namespace

std::string address_on_the_way_to(const std::string& other) {
    sockaddr_storage address{};
    socklen_t bytes = 0;
    auto* const v4 = reinterpret_cast<sockaddr_in*>(&address);
    auto* const v6 = reinterpret_cast<sockaddr_in6*>(&address);
    if (::inet_pton(AF_INET, other.c_str(), &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons(any_port);
        bytes = sizeof *v4;
    } else if (::inet_pton(AF_INET6, other.c_str(), &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons(any_port);
        bytes = sizeof *v6;
    } else {
        return {};
    }
    // Of datagrams connect() only finds the way.
    const UniqueFd socket(::socket(address.ss_family, SOCK_DGRAM | SOCK_CLOEXEC, 0));
    if (!socket || ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address), bytes) != 0)
        return {};
    return own_address(socket.get()).host;
}

std::string own_address_for_others() {
    if (const std::string name = variable("IPCRUN_IFACE"); !name.empty())
        return address_of_interface(name);
    for (const std::string& other : {variable("SLURM_LAUNCH_NODE_IPADDR"), std::string(anywhere)})
        if (std::string own = address_on_the_way_to(other); !own.empty()) return own;
    return "127.0.0.1";
}

}  // namespace ipcrun
