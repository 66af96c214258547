// SPDX-License-Identifier: Apache-2.0
#include "base/stream_socket.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <filesystem>

#include "base/resolve.hpp"
#include "tests/stream/slow_names.hpp"
#include "tests/stream/stream_ends.hpp"
#include "tests/support/temporary_folder.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

int option(int fd, int level, int name) {
    int value = -1;
    socklen_t bytes = sizeof value;
    (void)::getsockopt(fd, level, name, &value, &bytes);
    return value;
}

bool has_ipv6() {
    return error_of([] { (void)listen_at({.host = "::1"}); }).first == ErrorCode::internal;
}

void check_connected(const Address& address) {
    const UniqueFd listener = listen_at(address);
    const UniqueFd client = connect_to(own_address(listener.get()), soon());
    REQUIRE(wait_readable(listener.get(), soon()));
    const UniqueFd server = accept_from(listener.get());
    REQUIRE(server);
    CHECK(::send(client.get(), "x", 1, 0) == 1);
    REQUIRE(wait_readable(server.get(), soon()));
    char byte = 0;
    CHECK(::recv(server.get(), &byte, 1, 0) == 1);
    for (const int fd : {listener.get(), client.get(), server.get()}) {
        CHECK((::fcntl(fd, F_GETFL) & O_NONBLOCK) != 0);
        CHECK((::fcntl(fd, F_GETFD) & FD_CLOEXEC) != 0);
    }
    if (address.is_unix()) {
        const std::string own = fmt::format("pid {}", ::getpid());
        CHECK(peer_address(client.get()).path == own);
        CHECK(peer_address(server.get()).path == own);
        CHECK(own_address(client.get()).path == own);
        CHECK(own_address(server.get()) == address);
    } else {
        CHECK(peer_address(client.get()) == own_address(server.get()));
        CHECK(peer_address(server.get()) == own_address(client.get()));
        CHECK(peer_address(client.get()) == own_address(listener.get()));
    }
}

}  // namespace

TEST_CASE("stream socket: two ends meet by IPv4") {
    check_connected({.host = "127.0.0.1"});
}

TEST_CASE("stream socket: two ends meet by IPv6") {
    if (!has_ipv6()) {
        MESSAGE("this machine has no IPv6");
        return;
    }
    check_connected({.host = "::1"});
}

TEST_CASE("stream socket: Unix sockets connect, with a file and without") {
    const TemporaryFolder folder;
    check_connected({.path = folder.path() + "/socket"});
    check_connected({.path = fmt::format("@ipcrun-test-{}", ::getpid())});
}

TEST_CASE("stream socket: the file of a Unix socket is for its owner, and must be new") {
    const TemporaryFolder folder;
    const Address address{.path = folder.path() + "/socket"};
    const mode_t before = ::umask(0);
    const UniqueFd listener = listen_at(address);
    (void)::umask(before);
    struct stat status {};
    REQUIRE(::stat(address.path.c_str(), &status) == 0);
    CHECK((status.st_mode & 07777) == 0600);
    const auto [code, text] = error_of([&] { (void)listen_at(address); });
    CHECK(code == ErrorCode::system);
    CHECK(text.find("there already") != text.npos);
}

TEST_CASE("stream socket: no host means all addresses of this one") {
    const UniqueFd listener = listen_at({});
    const std::uint16_t port = own_address(listener.get()).port;
    CHECK(port != 0);
    CHECK_NOTHROW((void)connect_to({.host = "127.0.0.1", .port = port}, soon()));
    if (has_ipv6()) CHECK_NOTHROW((void)connect_to({.host = "::1", .port = port}, soon()));
}

TEST_CASE("stream socket: who comes by IPv4 has an address of IPv4, at which can be listened") {
    const UniqueFd listener = listen_at({});
    const std::uint16_t port = own_address(listener.get()).port;
    const UniqueFd client = connect_to({.host = "127.0.0.1", .port = port}, soon());
    REQUIRE(wait_readable(listener.get(), soon()));
    const UniqueFd server = accept_from(listener.get());
    const Address seen = peer_address(server.get());
    CHECK(seen.host == "127.0.0.1");
    CHECK(seen == own_address(client.get()));
    CHECK(own_address(server.get()) == peer_address(client.get()));
    CHECK(listen_at({.host = seen.host}));
}

TEST_CASE("stream socket: a port that is taken is not shared, and one just left is free") {
    auto listener = std::make_unique<UniqueFd>(listen_at({.host = "127.0.0.1"}));
    const Address address = own_address(listener->get());
    const auto [code, text] = error_of([&] { (void)listen_at(address); });
    CHECK(code == ErrorCode::system);
    CHECK(text == "listen at " + format_address(address) +
                      ": Address already in use: this program or another one "
                      "listens there; choose another port, or 0 for one that is free");
    // A connection that the server ends stays in the tables of the kernel for a minute.
    const UniqueFd client = connect_to(address, soon());
    REQUIRE(wait_readable(listener->get(), soon()));
    (void)accept_from(listener->get());
    listener.reset();
    CHECK_NOTHROW((void)listen_at(address));
}

TEST_CASE("stream socket: TCP sends at once, and looks whether an idle peer is there") {
    const auto ends = tcp_pair();
    for (const int fd : {ends.client.get(), ends.server.get()}) {
        CHECK(option(fd, IPPROTO_TCP, TCP_NODELAY) == 1);
        CHECK(option(fd, SOL_SOCKET, SO_KEEPALIVE) == 1);
        CHECK(option(fd, IPPROTO_TCP, TCP_KEEPIDLE) == 4);
        CHECK(option(fd, IPPROTO_TCP, TCP_KEEPINTVL) == 2);
        CHECK(option(fd, IPPROTO_TCP, TCP_KEEPCNT) == 3);
        // It would break a connection whose peer does not read for so long.
        CHECK(option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT) == 0);
    }
}

TEST_CASE("stream socket: who does not read has not vanished") {
    const auto ends = tcp_pair();
    const std::string bytes(1 << 20, 'x');
    while (::send(ends.client.get(), bytes.data(), bytes.size(), MSG_NOSIGNAL) > 0) {
    }
    CHECK_FALSE(has_vanished(ends.client.get()));
    CHECK_FALSE(wait_writable(ends.client.get(), Deadline::after(Seconds(1.5))));
    CHECK_FALSE(has_vanished(ends.client.get()));
}

TEST_CASE("stream socket: nobody has come is no connection") {
    const UniqueFd listener = listen_at({.host = "127.0.0.1"});
    CHECK_FALSE(accept_from(listener.get()));
}

TEST_CASE("stream socket: refused says so") {
    Address address;
    {
        const UniqueFd listener = listen_at({.host = "127.0.0.1"});
        address = own_address(listener.get());
    }
    try {
        (void)connect_to(address, soon());
        FAIL("connected");
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::system);
        CHECK(error.system_errno == ECONNREFUSED);
        CHECK(std::string(error.what()) ==
              "connect to " + format_address(address) + ": Connection refused");
    }
    // Also when time is over by then; it may be over before the answer has come, too.
    const Deadline limit = soon();
    ErrorCode late;
    do late = error_of([&] { (void)connect_to(address, Deadline::after(Seconds(0))); }).first;
    while (late == ErrorCode::timeout && !limit.has_passed());
    CHECK(late == ErrorCode::system);
}

TEST_CASE("stream socket: a port that meets itself is nobody's") {
    // Linux gives even ports to those who connect, 14,116 as it is set up, in an order that it
    // draws: very likely it comes to this one in so many attempts.
    Address closed{.host = "127.0.0.1", .port = 50'000};
    while (error_of([&] { (void)listen_at(closed); }).first != ErrorCode::internal)
        closed.port += 2;
    for (int i = 0; i < 40'000; ++i) REQUIRE_THROWS_AS((void)connect_to(closed, soon()), Error);
}

TEST_CASE("stream socket: a name is tried at each of its addresses") {
    const UniqueFd listener = listen_at({.host = "127.0.0.1"});
    // It has that of IPv6 first, where there is one.
    CHECK_NOTHROW(
        (void)connect_to({.host = "localhost", .port = own_address(listener.get()).port}, soon()));
}

TEST_CASE("stream socket: a full queue keeps who connects waiting until the deadline") {
    const Address address{.path = fmt::format("@ipcrun-full-{}", ::getpid())};
    const UniqueFd listener = listen_at(address);
    REQUIRE(::listen(listener.get(), 0) == 0);
    const UniqueFd first = connect_to(address, soon());
    CHECK(error_of([&] { (void)connect_to(address, Deadline::after(Seconds(0.05))); }).first ==
          ErrorCode::timeout);
    // And it comes in as soon as there is room.
    std::thread server([&] { (void)accept_from(listener.get()); });
    CHECK_NOTHROW((void)connect_to(address, soon()));
    server.join();
}

TEST_CASE("stream socket: an unknown name is told, or takes no longer than the deadline") {
    const auto before = Clock::now();
    const auto code =
        error_of([] {
            (void)connect_to({.host = "nobody.invalid", .port = 1}, Deadline::after(Seconds(2)));
        }).first;
    CHECK((code == ErrorCode::config || code == ErrorCode::timeout));
    CHECK(Clock::now() - before < std::chrono::seconds(4));
}

TEST_CASE("stream socket: a look-up without an answer holds nobody beyond the deadline") {
    const SlowNames slow;
    const auto [code, text] = error_of(
        [] { (void)connect_to({.host = slow_name, .port = 1}, Deadline::after(Seconds(0.05))); });
    CHECK(code == ErrorCode::timeout);
    CHECK(text.find(slow_name) != text.npos);
    // Numbers do not wait behind it.
    CHECK(resolve({.host = "127.0.0.1", .port = 1}, false, soon()).size() == 1);
}

TEST_CASE("stream socket: look-ups without an answer are limited") {
    const SlowNames slow;
    const auto ask = [] {
        const Deadline at_once = Deadline::after(Seconds(0));
        const auto attempt = [&] { (void)resolve({.host = slow_name, .port = 1}, false, at_once); };
        return error_of(attempt).first;
    };
    int taken = 0;
    ErrorCode last = ask();
    for (; taken < lookups_max && last == ErrorCode::timeout; last = ask()) ++taken;
    CHECK(last == ErrorCode::config);
    // Those of tests before may not have ended yet.
    CHECK(taken > lookups_max - 4);
}

TEST_CASE("stream socket: what is no address of a peer is refused") {
    CHECK(error_of([] { (void)connect_to({}, soon()); }).first == ErrorCode::usage);
    CHECK(error_of([] { (void)connect_to({.host = "127.0.0.1"}, soon()); }).first ==
          ErrorCode::usage);
    CHECK(error_of([] { (void)connect_to({.path = std::string(200, 'x')}, soon()); }).first ==
          ErrorCode::usage);
}
