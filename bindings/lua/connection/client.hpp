// SPDX-License-Identifier: Apache-2.0
#pragma once
/// ipc.client, and the clients that a server gives: one end of a connection each.

#include <lua.hpp>
#include <memory>

#include "bindings/lua/connection/endpoint.hpp"
#include "bindings/lua/ipc/handle.hpp"

namespace ipcrun::lua {

constexpr const char* client_type = "ipc.client";

class ClientObject final : public SharedObject {
  public:
    explicit ClientObject(std::shared_ptr<Endpoint> endpoint) : endpoint_(std::move(endpoint)) {}
    const char* type_name() const override { return client_type; }
    const std::shared_ptr<Endpoint>& endpoint() const { return endpoint_; }

  private:
    const std::shared_ptr<Endpoint> endpoint_;
};

/// The calls of a server after which those that it gave before are no good any more.
using CallCount = std::shared_ptr<std::atomic<std::uint64_t>>;

/// Pushes a client of a server, to be filled in. May raise.
struct ServerClient {
    std::shared_ptr<Endpoint> endpoint;  ///< null: not any more
    CallCount calls;                     ///< null: good until `endpoint` is taken away
    std::uint64_t call = 0;              ///< else while this is the count
};
ServerClient& push_server_client(lua_State* lua);

/// The end at `index`, of either kind: good for as long as the value there. Raises for others, and
/// for a server's client that is used too late.
Endpoint& check_endpoint(lua_State* lua, int index);

/// Their methods.
extern const luaL_Reg exchange_methods_of_clients[];  ///< send, recv, recvAsync
extern const luaL_Reg client_methods[];               ///< the others

/// Puts ipc.client into the table at `ipc`. May raise.
void register_client(lua_State* lua, int ipc);

}  // namespace ipcrun::lua
