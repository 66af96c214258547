// SPDX-License-Identifier: Apache-2.0
// More strangers than a server has room for, and less room than a client needs.
#include <sys/resource.h>

#include <atomic>
#include <thread>

#include "base/stream_socket.hpp"
#include "tests/connection/census.hpp"
#include "tests/connection/connected.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

TEST_CASE("floods: 2,000 silent connections keep none of 20 clients out") {
    TestServer server;
    {
        const auto first = server.client(Neighbourhood::create());  // what is opened once
        (void)server.only();
    }
    const auto is_empty = [&] { return server.server->connections().empty(); };
    while (!is_empty()) std::this_thread::yield();
    const Census before = Census::take();
    {
        std::vector<UniqueFd> silent;
        std::vector<std::shared_ptr<Connection>> clients(20);
        std::atomic<bool> has_begun = false;
        std::string flood_error;
        std::thread flood([&] {
            flood_error = error_of([&] {
                              for (int i = 0; i < 2'000; ++i) {
                                  silent.push_back(connect_to(server.server->address(), soon()));
                                  if (i == 300) has_begun = true;
                              }
                          }).what();
            has_begun = true;
        });
        while (!has_begun) std::this_thread::yield();
        std::vector<Error> errors(clients.size(), Error(ErrorCode::internal, ""));
        std::vector<std::thread> coming;
        for (std::size_t i = 0; i < clients.size(); ++i)
            coming.emplace_back([&, i] {
                errors[i] = error_of([&] { clients[i] = server.client(Neighbourhood::create()); });
            });
        for (auto& each : coming) each.join();
        flood.join();
        CHECK(flood_error == "nothing was thrown");
        for (const Error& error : errors) CHECK(std::string(error.what()) == "nothing was thrown");
        CHECK(server.server->wait_for(clients.size(), soon()) == clients.size());
    }
    while (!is_empty()) std::this_thread::yield();
    CHECK(before.wait_for_it(soon()) <= before);
}

TEST_CASE("floods: a client without descriptors is told so, and comes when there are some") {
    TestServer server;
    const auto neighbourhood = Neighbourhood::create();
    (void)server.client(neighbourhood);
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    rlimit tight = limit;
    tight.rlim_cur = 3;
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
    const auto begun = Clock::now();
    const Error error = error_of([&] { (void)server.client(neighbourhood); });
    REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    CHECK(error.code == ErrorCode::system);
    CHECK(has(error.what(), "Too many open files"));
    CHECK(Clock::now() - begun < Seconds(5));
    const auto client = server.client(neighbourhood);
    CHECK(client->link() == LinkKind::memory);
}
