// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Servers and clients for tests, and how they are told apart.

#include <doctest/doctest.h>

#include <memory>
#include <string>
#include <vector>

#include "base/address.hpp"
#include "base/error.hpp"
#include "runtime/connection/neighbourhood.hpp"
#include "runtime/connection/server.hpp"
#include "tests/connection/talk.hpp"

namespace ipcrun::testing {

/// A server at a free port, with what it needs.
struct TestServer {
    explicit TestServer(LinkChoice choice = LinkChoice::fastest, bool encrypt = false,
                        std::shared_ptr<Neighbourhood> where = Neighbourhood::create())
        : neighbourhood(std::move(where)),
          server(std::make_unique<Server>(Address{.host = "127.0.0.1"}, test_key(), encrypt, choice,
                                          neighbourhood)) {}

    std::shared_ptr<Connection> client(const std::shared_ptr<Neighbourhood>& of,
                                       LinkChoice choice = LinkChoice::fastest,
                                       bool encrypt = false) {
        return Connection::connect(server->address(), test_key(), encrypt, choice, of, soon());
    }
    /// The server's end of the only connection.
    std::shared_ptr<Connection> only() {
        REQUIRE(server->wait_for(1, soon()) == 1);
        return server->connections().at(0);
    }

    std::shared_ptr<Neighbourhood> neighbourhood;
    std::unique_ptr<Server> server;
};

/// Sends there and back.
inline void check_talk(Connection& a, Connection& b) {
    send_text(a, "there");
    CHECK(receive_text(b) == "there");
    send_text(b, "and back");
    CHECK(receive_text(a) == "and back");
}

/// What `attempt` throws; its code and text.
template <typename Attempt>
Error error_of(Attempt attempt) {
    try {
        attempt();
    } catch (const Error& error) {
        return error;
    }
    return Error(ErrorCode::internal, "nothing was thrown");
}

inline bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace ipcrun::testing
