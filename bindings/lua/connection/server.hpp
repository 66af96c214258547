// SPDX-License-Identifier: Apache-2.0
#pragma once
/// ipc.server: takes connections, and knows its clients by tags and ids.

#include <lua.hpp>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <unordered_map>
#include <vector>

#include "base/address.hpp"
#include "bindings/lua/connection/client.hpp"
#include "runtime/connection/server.hpp"

namespace ipcrun::lua {

constexpr const char* server_type = "ipc.server";

using Endpoints = std::vector<std::shared_ptr<Endpoint>>;

class ServerObject final : public SharedObject, public EndsWithProgram {
  public:
    explicit ServerObject(std::unique_ptr<Server> server) : server_(std::move(server)) {}
    const char* type_name() const override { return server_type; }

    /// Throws Error{usage} in a child after fork().
    void check_ours(const char* operation) const { server_->check_ours(operation); }
    const Address& address() const { return server_->address(); }
    /// Those that are there (with that tag), by id, and by arrival where that is equal. Who has
    /// gone is until all that came of it was received.
    Endpoints clients(const std::optional<std::string>& tag = std::nullopt);
    /// Waits until `count` are there. Throws Error{timeout}, saying how many came and who was
    /// refused; usage when it is closed.
    void wait_for(std::size_t count, Deadline deadline);
    /// Waits until one of those with that tag has a message: the next in turn; with `all`, each
    /// that has one. None when the deadline passes. Who is lost is passed over. Throws
    /// Error{peer_lost} when nobody is left and there is no deadline, until which somebody may
    /// come.
    Endpoints wait_message(const char* operation, const std::optional<std::string>& tag, bool all,
                           Deadline deadline);

    /// Why nothing has come in time: who is there, or who was refused.
    std::string describe_silence(const std::optional<std::string>& tag);

    /// Of all that there are and were.
    ConnectionStatistics statistics();
    const CallCount& calls() const { return calls_; }
    /// Throws Error{usage} after close(), and in a child after fork().
    void check_open(const char* operation) const;

    /// No more connections; closes those that there are.
    void close() noexcept;
    void begin_end() noexcept override;
    void end() noexcept override;
    bool is_closed() const { return is_closed_.load(); }

  private:
    void refresh();
    void learn_of_all() noexcept;
    bool has_client(const std::optional<std::string>& tag);
    std::shared_ptr<Endpoint> find(const Connection& connection);

    const std::unique_ptr<Server> server_;
    const CallCount calls_ = std::make_shared<std::atomic<std::uint64_t>>(0);
    std::atomic<bool> is_closed_ = false;
    std::atomic<bool> is_ending_ = false;
    std::mutex mutex_;  // of what follows
    std::unordered_map<const Connection*, std::shared_ptr<Endpoint>> endpoints_;
    std::uint64_t arrivals_ = 0;
    std::optional<std::uint64_t> seen_news_;  // of the server, when endpoints_ was filled
    ConnectionStatistics of_gone_;
};

/// Puts ipc.server into the table at `ipc`. May raise.
void register_server(lua_State* lua, int ipc);

}  // namespace ipcrun::lua
