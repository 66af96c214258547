// SPDX-License-Identifier: Apache-2.0
// Proves that a neighbourhood may end in its own thread, which then ends by itself. Not for TSan:
// libuv closes descriptors where it does not see that, and takes them for used when they come anew.
#include <future>

#include "runtime/connection/connection_impl.hpp"
#include "tests/connection/connected.hpp"
#include "tests/connection/every_link.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

TEST_CASE("connection: a neighbourhood may end in its own thread") {
    for (const LinkKind kind : every_link) {
        auto pair = std::make_unique<Pair>(kind);
        const auto kept = std::make_shared<std::shared_ptr<Connection>>(pair->server);
        std::weak_ptr<Neighbourhood> neighbourhood = pair->listening.neighbourhood;
        const auto told = std::make_shared<std::promise<void>>();
        (void)pair->server->impl().on_end([neighbourhood, kept, told] {
            // Posted: the connection ends when the thread is done with this.
            neighbourhood.lock()->impl().thread().post([kept, told] {
                kept->reset();
                told->set_value();
            });
        });
        pair->server.reset();
        const auto client = pair->client;
        // In one process the client has the neighbourhood, too.
        pair.reset();
        client->close();
        CHECK(told->get_future().wait_for(patience) == std::future_status::ready);
    }
}
