// SPDX-License-Identifier: Apache-2.0
#pragma once
/// From a stream between two ends that trust each other to the fastest link between them. The steps
/// are in docs/DESIGN.md, Connections.

#include <functional>
#include <memory>

#include "runtime/connection/connection_impl.hpp"
#include "runtime/connection/upgrade_messages.hpp"
#include "runtime/stream/secure_stream.hpp"

namespace ipcrun {

/// For all of it, on either side.
constexpr std::chrono::milliseconds upgrade_patience{10'000};

/// The client's part. Throws Error: peer_lost, protocol, timeout, system.
Connection::Impl::Parts upgrade_as_client(SecureStream stream, LinkChoice choice,
                                          const std::shared_ptr<Neighbourhood>& neighbourhood,
                                          Deadline deadline);

/// The server's part, for one client; in the thread of the neighbourhood, also its end. Whatever
/// the client does, or fails to do, costs that thread nothing.
class ServerUpgrade {
  public:
    struct Result {
        std::optional<Connection::Impl::Parts> parts;
        std::string failure;  ///< without parts: who it was, and why
    };
    /// `on_done` is called once, in the thread, and may drop this object.
    ServerUpgrade(SecureStream stream, LinkChoice choice,
                  const std::shared_ptr<Neighbourhood>& neighbourhood,
                  std::function<void(Result)> on_done);
    ServerUpgrade(const ServerUpgrade&) = delete;
    ~ServerUpgrade();

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

/// This process, as it introduces itself.
Introduction introduce(const Neighbourhood::Impl& neighbourhood, LinkChoice choice);

/// "10.0.0.2:41000 (pid 812 on node7)".
std::string describe_peer(const SecureStream& stream, std::uint32_t pid, const std::string& host);
/// Its host in numbers; of a Unix socket this one.
std::string peer_host_of(const SecureStream& stream);

/// The parts of a connection that stays on the stream.
void keep_socket(Connection::Impl::Parts& parts, SecureStream stream);
/// Those of one that goes by memory.
void take_memory(Connection::Impl::Parts& parts, std::shared_ptr<NodeMemory> memory, int rank,
                 LinkKind kind, std::unique_ptr<SideChannel> side);

}  // namespace ipcrun
