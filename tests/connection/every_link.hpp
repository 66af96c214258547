// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Two ends by a link of each kind.

#include "tests/connection/connected.hpp"

namespace ipcrun::testing {

constexpr LinkKind every_link[] = {LinkKind::process, LinkKind::memory, LinkKind::socket};

struct Pair {
    explicit Pair(LinkKind kind)
        : client(listening.client(
              kind == LinkKind::process ? listening.neighbourhood : Neighbourhood::create(),
              kind == LinkKind::socket ? LinkChoice::socket : LinkChoice::fastest)),
          server(listening.only()) {
        REQUIRE(client->link() == kind);
        REQUIRE(server->link() == kind);
    }

    TestServer listening;
    std::shared_ptr<Connection> client, server;
};

}  // namespace ipcrun::testing
