// SPDX-License-Identifier: Apache-2.0
// A host that vanishes while something is on its way to it, of which no event tells.
#include <fmt/format.h>

#include <functional>
#include <thread>

#include "tests/connection/connected.hpp"
#include "tests/support/own_network.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

bool is_in_time(const char* what, const std::function<void()>& wait) {
    const auto begun = Clock::now();
    wait();
    const double seconds = Seconds(Clock::now() - begun).count();
    if (seconds >= 16) fmt::print(stderr, "{}: {:.1f} s\n", what, seconds);
    return seconds < 16;
}

bool says_vanished(Connection& connection) {
    const Error error = error_of([&] { (void)connection.wait(0, soon()); });
    if (!has(error.what(), "host does not answer")) fmt::print(stderr, "{}\n", error.what());
    return error.code == ErrorCode::peer_lost && has(error.what(), "host does not answer");
}

// In a process of its own. Every wait is another way to wait.
bool lose_the_network() {
    TestServer server(LinkChoice::fastest);
    const auto by_memory = server.client(Neighbourhood::create());
    const auto near = server.client(Neighbourhood::create(), LinkChoice::socket);
    const auto other = server.client(Neighbourhood::create(), LinkChoice::socket);
    (void)server.server->wait_for(3, soon());
    const auto ends = server.server->connections();
    if (ends.size() != 3 || !set_loopback(false)) return false;
    for (const auto& connection : {near, other, ends[1], ends[2]}) send_text(*connection, "lost");
    bool is_mixed_good = false, is_row_good = false, is_server_good = false;
    std::thread mixed([&] {
        is_mixed_good = is_in_time("sockets and memory", [&] {
            Connection* const row[] = {by_memory.get(), near.get()};
            (void)wait_any(row, 0, 0, soon());
        });
    });
    std::thread sockets([&] {
        is_row_good = is_in_time("sockets", [&] {
            Connection* const row[] = {other.get()};
            (void)wait_any(row, 0, 0, soon());
        });
    });
    is_server_good = is_in_time("a server", [&] {
        const Deadline deadline = soon();
        for (bool has_time = true; has_time;) {
            const std::uint64_t seen = server.server->news();
            if (server.server->connections().size() == 1) break;
            has_time = server.server->wait_for_news(seen, deadline);
        }
    });
    mixed.join();
    sockets.join();
    const bool are_named = says_vanished(*near) && says_vanished(*other) && says_vanished(*ends[1]);
    return is_mixed_good && is_row_good && is_server_good && are_named;
}

}  // namespace

TEST_CASE("vanished host: whoever waits for connections hears of it, in whatever way") {
    CHECK(passes_in_own_network(lose_the_network));
}
