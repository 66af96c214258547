// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/dial.hpp"

#include <doctest/doctest.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <atomic>

#include "tests/stream/stream_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

const DialOptions options{.key = key_of_text("the key of the dial's tests")};

Address closed_port() {
    const UniqueFd listener = listen_at({.host = "127.0.0.1"});
    return own_address(listener.get());
}

// Takes one connection and says `answer` to it; then it closes, or stays until the test is over.
class Stranger {
  public:
    explicit Stranger(std::string answer, bool closes)
        : listener_(listen_at({.host = "127.0.0.1"})), thread_([this, answer, closes] {
              (void)wait_readable(listener_.get(), soon());
              taken_ = accept_from(listener_.get());
              (void)wait_readable(taken_.get(), soon());
              (void)::send(taken_.get(), answer.data(), answer.size(), MSG_NOSIGNAL);
              if (closes) taken_.reset();
          }) {}
    ~Stranger() { thread_.join(); }
    Address address() const { return own_address(listener_.get()); }

  private:
    UniqueFd listener_, taken_;
    std::thread thread_;
};

std::pair<ErrorCode, std::string> dial_error(const Address& address, Deadline deadline) {
    return error_of([&] { (void)dial(address, options, deadline); });
}

}  // namespace

TEST_CASE("dial: it waits for a listener that comes later") {
    const Address address{.path = fmt::format("@ipcrun-later-{}", ::getpid())};
    std::optional<SecureStream> dialled;
    std::thread client([&] { dialled.emplace(dial(address, options, soon())); });
    const UniqueFd listener = [&] {
        // Refused once, at least: then it is there.
        (void)::poll(nullptr, 0, 20);
        return listen_at(address);
    }();
    REQUIRE(wait_readable(listener.get(), soon()));
    SecureStream served =
        shake_hands(accept_from(listener.get()), Role::server, options, "client", soon());
    client.join();
    CHECK(dialled->peer() == "server " + format_address(address));
}

TEST_CASE("dial: when nobody comes to listen, the error says what happened last") {
    const Address address = closed_port();
    const auto [code, text] = dial_error(address, Deadline::after(Seconds(0.1)));
    CHECK(code == ErrorCode::timeout);
    CHECK(text.find(format_address(address) + ": Connection refused") != text.npos);
}

TEST_CASE("dial: who does not wait for a listener hears at once that there is none") {
    DialOptions at_once = options;
    at_once.waits_for_listener = false;
    CHECK(error_of([&] { (void)dial(closed_port(), at_once, soon()); }).first == ErrorCode::system);
}

TEST_CASE("dial: a server that is none of ours is told from one that closes") {
    {
        Stranger stranger("220 mail.example.com ESMTP, ready and waiting\r\n", false);
        const auto [code, text] = dial_error(stranger.address(), soon());
        CHECK(code == ErrorCode::protocol);
        CHECK(text.starts_with("server " + format_address(stranger.address()) + ": "));
    }
    {
        Stranger stranger("", true);
        DialOptions at_once = options;
        at_once.waits_for_listener = false;
        const auto [code, text] =
            error_of([&] { (void)dial(stranger.address(), at_once, soon()); });
        CHECK(code == ErrorCode::peer_lost);
        CHECK(text.find(format_address(stranger.address())) != text.npos);
    }
}

TEST_CASE("dial: it tries again when the server ends the connection in a handshake") {
    const UniqueFd listener = listen_at({.host = "127.0.0.1"});
    std::optional<SecureStream> dialled;
    std::thread client(
        [&] { dialled.emplace(dial(own_address(listener.get()), options, soon())); });
    for (int i = 0; i < 5; ++i) {
        REQUIRE(wait_readable(listener.get(), soon()));
        const UniqueFd taken = accept_from(listener.get());
        // An end, or a reset: by what was not read.
        if (i % 2 == 1) (void)wait_readable(taken.get(), soon());
    }
    REQUIRE(wait_readable(listener.get(), soon()));
    SecureStream served =
        shake_hands(accept_from(listener.get()), Role::server, options, "client", soon());
    client.join();
    CHECK(dialled.has_value());
}

TEST_CASE("dial: who ends each connection is named, with how often, when the deadline passes") {
    const UniqueFd listener = listen_at({.host = "127.0.0.1"});
    const Address address = own_address(listener.get());
    std::atomic<bool> is_over = false;
    std::thread server([&] {
        while (!is_over)
            if (wait_readable(listener.get(), Deadline::after(Seconds(0.01))))
                (void)accept_from(listener.get());
    });
    // When the deadline passes within an attempt, the error is about that one.
    std::pair<ErrorCode, std::string> outcome;
    const Deadline limit = soon();
    do outcome = dial_error(address, Deadline::after(Seconds(0.3)));
    while (!outcome.second.ends_with(" times") && !limit.has_passed());
    const auto& [code, text] = outcome;
    is_over = true;
    server.join();
    CHECK(code == ErrorCode::peer_lost);
    CHECK(text.starts_with("server " + format_address(address) + ": "));
    CHECK(text.find("in the middle of a handshake, ") != text.npos);
    CHECK(text.ends_with(" times"));
}

TEST_CASE("dial: a server that says nothing is an error when the deadline passes") {
    Stranger stranger("", false);
    const auto [code, text] = dial_error(stranger.address(), Deadline::after(Seconds(0.1)));
    CHECK(code == ErrorCode::timeout);
    CHECK(text.find("said nothing") != text.npos);
}

TEST_CASE("dial: half an answer, and then nothing, is an error when the deadline passes") {
    Stranger stranger("ipcstrm1\x01", false);
    CHECK(dial_error(stranger.address(), Deadline::after(Seconds(0.1))).first ==
          ErrorCode::timeout);
}

TEST_CASE("dial: without a key in common neither side has a stream") {
    auto sockets = tcp_pair();
    std::pair<ErrorCode, std::string> served;
    std::thread server([&] {
        served = error_of([&] {
            (void)shake_hands(std::move(sockets.server), Role::server,
                              {.key = key_of_text("the key of somebody else")}, "client", soon());
        });
    });
    const auto [code, text] = error_of([&] {
        (void)shake_hands(std::move(sockets.client), Role::client, options, "server", soon());
    });
    server.join();
    CHECK(code == ErrorCode::config);
    CHECK(text.starts_with("server: the other end has another key"));
    CHECK(served.first == ErrorCode::config);
    CHECK(served.second == "client: another key");
    // The empty key of zeros is a key like others.
    auto more = tcp_pair();
    std::thread other([&] {
        (void)error_of([&] {
            (void)shake_hands(std::move(more.server), Role::server, options, "client", soon());
        });
    });
    CHECK(error_of([&] {
              (void)shake_hands(std::move(more.client), Role::client, {}, "server", soon());
          }).first == ErrorCode::config);
    other.join();
}

TEST_CASE("dial: who is refused gets the reason, and no reset before it") {
    auto sockets = tcp_pair();
    Bytes hello = Handshake(Role::client, options.key, false, "ipc").take_output();
    hello[8] = 9;  // another version
    REQUIRE(::send(sockets.client.get(), hello.data(), hello.size(), MSG_NOSIGNAL) ==
            static_cast<ssize_t>(hello.size()));
    REQUIRE(wait_readable(sockets.server.get(), soon()));
    CHECK(error_of([&] {
              (void)shake_hands(std::move(sockets.server), Role::server, options, "client", soon());
          }).first == ErrorCode::protocol);
    char refusal[13];
    std::size_t got = 0;
    for (;;) {
        REQUIRE(wait_readable(sockets.client.get(), soon()));
        const ssize_t count = ::recv(sockets.client.get(), refusal + got, sizeof refusal - got, 0);
        REQUIRE(count >= 0);
        if (count == 0) break;
        got += static_cast<std::size_t>(count);
    }
    CHECK(got == 12);
    // With a reset, what is lost on the way is not sent again.
    int reset = -1;
    socklen_t bytes = sizeof reset;
    CHECK(::getsockopt(sockets.client.get(), SOL_SOCKET, SO_ERROR, &reset, &bytes) == 0);
    CHECK(reset == 0);
}
