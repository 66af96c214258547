// SPDX-License-Identifier: Apache-2.0
// Proves that a server takes who has the key, whatever others and its owner do.
#include <dirent.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <atomic>
#include <latch>
#include <thread>

#include "base/stream_socket.hpp"
#include "runtime/connection/neighbourhood_impl.hpp"
#include "tests/connection/connected.hpp"
#include "tests/connection/every_link.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

// The thread sanitizer ends the program when it has no address space left: 64 GiB go for each link.
#ifdef __SANITIZE_THREAD__
constexpr std::size_t hundreds = 12, thousand = 12, more_than_a_thousand = 12;
#else
constexpr std::size_t hundreds = 400, thousand = 1'000, more_than_a_thousand = 1'200;
#endif

int count_descriptors() {
    DIR* const folder = ::opendir("/proc/self/fd");
    int count = 0;
    while (::readdir(folder) != nullptr) ++count;
    ::closedir(folder);
    return count;
}

}  // namespace

TEST_CASE("server: a wait for clients ends with the client, or with what there is") {
    TestServer server;
    CHECK(server.server->wait_for(0, at_once()) == 0);
    CHECK(server.server->wait_for(1, Deadline::after(Seconds(0.05))) == 0);
    std::vector<std::shared_ptr<Connection>> clients;
    std::thread connecting([&] {
        for (int i = 0; i < 3; ++i) clients.push_back(server.client(Neighbourhood::create()));
    });
    CHECK(server.server->wait_for(3, soon()) == 3);
    connecting.join();
    CHECK(server.server->connections().size() == 3);
    CHECK(server.server->address().port != 0);
}

TEST_CASE("server: clients come in while its owner is busy elsewhere") {
    TestServer server;
    const auto client = server.client(Neighbourhood::create());
    send_text(*client, "before anybody asked");
    CHECK(receive_text(*server.only()) == "before anybody asked");
}

TEST_CASE("server: who has gone is no client, once all that they sent has been received") {
    for (const LinkKind kind : every_link) {
        Pair pair(kind);
        send_text(*pair.client, "the last");
        pair.client->close();
        CHECK(pair.listening.server->wait_for(1, at_once()) == 1);
        CHECK(receive_text(*pair.server) == "the last");
        CHECK(error_of([&] { receive_text(*pair.server); }).code == ErrorCode::peer_lost);
        CHECK(pair.listening.server->wait_for(1, at_once()) == 0);
        CHECK(pair.listening.server->connections().empty());
    }
}

TEST_CASE("server: who has gone in silence is no client either") {
    for (const LinkKind kind : every_link) {
        Pair pair(kind);
        pair.client.reset();
        const auto deadline = soon();
        while (!pair.listening.server->connections().empty() && !deadline.has_passed())
            std::this_thread::yield();
        CHECK(pair.listening.server->connections().empty());
    }
}

TEST_CASE("server: a closed one takes nobody, and keeps those who came") {
    Pair pair(LinkKind::memory);
    pair.listening.server->close();
    pair.listening.server->close();
    const Error refused = error_of([&] {
        (void)Connection::connect(pair.listening.server->address(), test_key(), false,
                                  LinkChoice::fastest, Neighbourhood::create(),
                                  Deadline::after(Seconds(0.2)));
    });
    CHECK(refused.code != ErrorCode::internal);
    check_talk(*pair.client, *pair.server);
    CHECK(pair.listening.server->wait_for(2, soon()) == 1);
}

TEST_CASE("server: when it is dropped its clients are told") {
    for (const LinkKind kind : every_link) {
        Pair pair(kind);
        pair.server.reset();
        pair.listening.server.reset();
        const Error lost = error_of([&] { receive_text(*pair.client); });
        CHECK(lost.code == ErrorCode::peer_lost);
        CHECK(has(lost.what(), "server 127.0.0.1:"));
    }
}

TEST_CASE("server: another key is refused, and told of on both sides") {
    TestServer server;
    const Error refused = error_of([&] {
        (void)Connection::connect(server.server->address(), Key::random(), false,
                                  LinkChoice::fastest, Neighbourhood::create(), soon());
    });
    CHECK(refused.code == ErrorCode::config);
    CHECK(has(refused.what(), "key"));
    CHECK(has(server.server->describe_refusals(), "1 connection was refused, the last: 127.0.0.1"));
    CHECK(server.server->wait_for(1, at_once()) == 0);
}

TEST_CASE("server: a port that is taken is an error that says so") {
    TestServer server;
    const Error taken = error_of([&] {
        const Server second(server.server->address(), test_key(), false, LinkChoice::fastest,
                            Neighbourhood::create());
    });
    CHECK(taken.code == ErrorCode::system);
    CHECK(has(taken.what(), format_address(server.server->address())));
}

TEST_CASE("server: silence and garbage keep nobody out") {
    TestServer server;
    std::vector<UniqueFd> strangers;
    for (int i = 0; i < 300; ++i) {
        strangers.push_back(connect_to(server.server->address(), soon()));
        if (i % 3 == 0)
            (void)::send(strangers.back().get(), "GET / HTTP/1.1\r\n\r\n", 18, MSG_NOSIGNAL);
    }
    const auto client = server.client(Neighbourhood::create());
    check_talk(*client, *server.only());
}

TEST_CASE("server: it outlives a time without descriptors") {
    TestServer server;
    const auto before = server.client(Neighbourhood::create(), LinkChoice::socket);
    rlimit limit{};
    REQUIRE(::getrlimit(RLIMIT_NOFILE, &limit) == 0);
    rlimit tight = limit;
    tight.rlim_cur = 3;
    {
        const UniqueFd knocking(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &tight) == 0);
        sockaddr_in where{};
        where.sin_family = AF_INET;
        where.sin_port = htons(server.server->address().port);
        where.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        CHECK(::connect(knocking.get(), reinterpret_cast<sockaddr*>(&where), sizeof where) == 0);
        // The server tries, and cannot; those that are there go on.
        REQUIRE(server.server->wait_for(1, soon()) == 1);
        check_talk(*before, *server.server->connections()[0]);
        REQUIRE(::setrlimit(RLIMIT_NOFILE, &limit) == 0);
    }
    const auto client = server.client(Neighbourhood::create());
    CHECK(server.server->wait_for(2, soon()) == 2);
}

TEST_CASE("server: when there are as many links by memory as may be, the next are sockets") {
    TestServer server;
    std::vector<MemoryPlace> places;
    for (std::size_t i = 0; i < memory_links_max; ++i)
        places.push_back(server.neighbourhood->impl().places().take());
    CHECK(server.neighbourhood->impl().places().take() == nullptr);
    const auto client = server.client(Neighbourhood::create());
    CHECK(client->link() == LinkKind::socket);
    CHECK(has(client->link_reason(), "2048 links by memory at most"));
    check_talk(*client, *server.only());
    places.pop_back();
    CHECK(server.client(server.neighbourhood)->link() == LinkKind::process);
}

TEST_CASE("server: connections leave no descriptor behind") {
    const auto run = [] {
        for (const LinkKind kind : every_link) {
            Pair pair(kind);
            check_talk(*pair.client, *pair.server);
        }
    };
    run();  // what is opened once for the process
    const int before = count_descriptors();
    for (int i = 0; i < 5; ++i) run();
    CHECK(count_descriptors() == before);
}

TEST_CASE("server: hundreds who come in the same moment are all taken") {
    constexpr std::size_t clients_count = hundreds;
    for (const LinkChoice choice : {LinkChoice::fastest, LinkChoice::socket}) {
        TestServer server;
        std::atomic<bool> is_over = false;
        std::vector<std::thread> threads;
        for (std::size_t i = 0; i < clients_count; ++i)
            threads.emplace_back([&] {
                const auto client = server.client(server.neighbourhood, choice);
                is_over.wait(false);
            });
        CHECK(server.server->wait_for(clients_count, soon()) == clients_count);
        is_over = true;
        is_over.notify_all();
        for (std::thread& thread : threads) thread.join();
        CHECK(server.server->describe_refusals().empty());
    }
}

TEST_CASE("server: a thousand clients come and talk") {
    constexpr std::size_t clients_count = thousand;
    TestServer server;
    std::vector<std::shared_ptr<Connection>> clients;
    const auto neighbourhood = Neighbourhood::create();
    const int before = count_descriptors();
    for (std::size_t i = 0; i < clients_count; ++i) clients.push_back(server.client(neighbourhood));
    REQUIRE(server.server->wait_for(clients_count, soon()) == clients_count);
    std::size_t by_memory = 0;
    for (const auto& client : clients) by_memory += client->link() == LinkKind::memory;
    MESSAGE(by_memory, " of them by memory");
    // Two of each end.
    CHECK(count_descriptors() - before <= static_cast<int>(4 * clients_count + 100));
    const auto ends = server.server->connections();
    for (std::size_t i = 0; i < clients_count; ++i) send_text(*clients[i], std::to_string(i));
    for (std::size_t i = 0; i < clients_count; ++i)
        CHECK(receive_text(*ends[i]) == std::to_string(i));
}

TEST_CASE("server: all are let in who come at the same time, by the link that they can have") {
    for (const LinkChoice choice : {LinkChoice::socket, LinkChoice::memory}) {
        constexpr std::size_t count = more_than_a_thousand;
        const TestServer listening;
        std::vector<std::thread> threads;
        std::vector<std::string> failures(count);
        std::latch all(count);
        for (std::size_t i = 0; i < count; ++i)
            threads.emplace_back([&, i] {
                const auto neighbourhood = Neighbourhood::create();
                all.arrive_and_wait();
                try {
                    const auto client = Connection::connect(listening.server->address(), test_key(),
                                                            false, choice, neighbourhood, soon());
                    if (choice == LinkChoice::memory && client->link() != LinkKind::memory)
                        failures[i] = client->link_reason();
                } catch (const Error& error) {
                    failures[i] = error.what();
                }
            });
        for (std::thread& thread : threads) thread.join();
        std::size_t failed = 0;
        for (const std::string& failure : failures) {
            if (failure.empty()) continue;
            ++failed;
            MESSAGE(failure);
        }
        CHECK(failed == 0);
    }
}
