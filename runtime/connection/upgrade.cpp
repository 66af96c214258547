// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/upgrade.hpp"

#include <unistd.h>

#include "base/address.hpp"
#include "base/stream_socket.hpp"
#include "runtime/connection/memory_link.hpp"
#include "runtime/connection/socket_channel.hpp"
#include "runtime/connection/socket_link.hpp"

namespace ipcrun {

namespace {

std::string own_host_name() {
    std::array<char, 256> name = {};
    // A name that is too long is cut.
    (void)::gethostname(name.data(), name.size() - 1);
    return name.data();
}

}  // namespace

Introduction introduce(const Neighbourhood::Impl& neighbourhood, LinkChoice choice) {
    return {.neighbourhood = neighbourhood.id,
            .boot_id = neighbourhood.boot_id,
            .pid = static_cast<std::uint32_t>(::getpid()),
            .uid = ::geteuid(),
            .host = own_host_name(),
            .choice = choice};
}

std::string describe_peer(const SecureStream& stream, std::uint32_t pid, const std::string& host) {
    return fmt::format("{} (pid {} on {})", stream.peer(), pid, host);
}

std::string peer_host_of(const SecureStream& stream) {
    const Address address = peer_address(stream.fd());
    return address.is_unix() ? "127.0.0.1" : address.host;
}

void keep_socket(Connection::Impl::Parts& parts, SecureStream stream) {
    parts.is_encrypted = stream.is_encrypted();
    parts.side = std::make_unique<SocketChannel>(stream.fd());
    parts.link = std::make_unique<SocketLink>(std::move(stream));
}

void take_memory(Connection::Impl::Parts& parts, std::shared_ptr<NodeMemory> memory, int rank,
                 LinkKind kind, std::unique_ptr<SideChannel> side) {
    auto link = std::make_unique<MemoryLink>(std::move(memory), rank, kind);
    parts.memory_link = link.get();
    parts.link = std::move(link);
    parts.side = std::move(side);
}

}  // namespace ipcrun
