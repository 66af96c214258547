// SPDX-License-Identifier: Apache-2.0
// Proves who is heard at a node's door, and that nobody else keeps it from opening.
#include "launcher/step/door.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cstring>
#include <future>
#include <thread>

#include "base/socket.hpp"
#include "tests/step/steps.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

const JobSecret secret = secret_of(7);
constexpr Seconds long_enough{60.0};

// As a joiner calls, or any other who has found the door's name.
UniqueFd visit(const Door& door) {
    UniqueFd socket(check_syscall(::socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0), "socket"));
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    std::memcpy(address.sun_path + 1, door.name.data(), door.name.size());
    check_syscall(
        ::connect(socket.get(), reinterpret_cast<const sockaddr*>(&address),
                  static_cast<socklen_t>(offsetof(sockaddr_un, sun_path) + 1 + door.name.size())),
        "connect");
    return socket;
}

Bytes words_of(const JobSecret& words, std::int32_t rank) {
    Encoder out;
    for (const std::uint8_t byte : words) out.number(byte);
    out.number(rank);
    return out.take();
}

bool is_heard(const Bytes& bytes, int fd_count) {
    const Door door = open_door();
    const UniqueFd visitor = visit(door);
    std::vector<int> fds(static_cast<std::size_t>(fd_count), visitor.get());
    REQUIRE(send_packet(visitor.get(), bytes, fds));
    return let_in(door.listener.get(), secret).has_value();
}

// Two ends of a socket, one to be given away.
struct Pair {
    Pair() { std::tie(kept, given) = create_socket_pair(SocketKind::packet); }
    // Is it the other end of ours that was given?
    void check_given(const UniqueFd& fd) const {
        REQUIRE(send_packet(kept.get(), Bytes{42}));
        Packet packet;
        REQUIRE(receive_packet(fd.get(), packet) == PacketResult::received);
        CHECK(packet.bytes == Bytes{42});
    }
    UniqueFd kept, given;
};

}  // namespace

TEST_CASE("door: who knows the secret is let in with what it brings") {
    const Door door = open_door();
    const Pair process, answer, listener;
    std::thread joiner([&] {
        knock(door.name, secret,
              {.rank = 5,
               .process = UniqueFd(::dup(process.given.get())),
               .answer = UniqueFd(::dup(answer.given.get())),
               .listener = UniqueFd(::dup(listener.given.get()))},
              Deadline::after(long_enough));
    });
    REQUIRE(wait_readable(door.listener.get(), Deadline::after(long_enough)));
    const auto arrival = let_in(door.listener.get(), secret);
    joiner.join();
    REQUIRE(arrival);
    CHECK(arrival->rank == 5);
    process.check_given(arrival->process);
    answer.check_given(arrival->answer);
    listener.check_given(arrival->listener);
}

TEST_CASE("door: a joiner that is not let in has an error") {
    const Door door = open_door();
    const Pair process, answer, listener;
    auto joiner = std::async(std::launch::async, [&] {
        return code_of([&] {
            knock(door.name, secret_of(8),
                  {.rank = 5,
                   .process = UniqueFd(::dup(process.given.get())),
                   .answer = UniqueFd(::dup(answer.given.get())),
                   .listener = UniqueFd(::dup(listener.given.get()))},
                  Deadline::after(long_enough));
        });
    });
    REQUIRE(wait_readable(door.listener.get(), Deadline::after(long_enough)));
    CHECK_FALSE(let_in(door.listener.get(), secret));
    CHECK(joiner.get() == ErrorCode::peer_lost);
}

TEST_CASE("door: nobody is let in while nobody is there") {
    const Door door = open_door();
    CHECK_FALSE(let_in(door.listener.get(), secret));
}

TEST_CASE("door: each has a name of its own") {
    CHECK(open_door().name != open_door().name);
}

TEST_CASE("door: another secret, of which one byte differs, is not heard") {
    CHECK(is_heard(words_of(secret, 1), 3));
    for (const std::size_t at : {std::size_t{0}, secret.size() / 2, secret.size() - 1}) {
        JobSecret other = secret;
        other[at] ^= 1;
        CHECK_FALSE(is_heard(words_of(other, 1), 3));
    }
}

TEST_CASE("door: words of another length are not heard") {
    Bytes words = words_of(secret, 1);
    words.push_back(0);
    CHECK_FALSE(is_heard(words, 3));
    words.resize(secret.size());
    CHECK_FALSE(is_heard(words, 3));
    CHECK_FALSE(is_heard(Bytes{0}, 3));
    CHECK_FALSE(is_heard(Bytes(60000, 7), 3));
}

TEST_CASE("door: who does not bring three descriptors is not heard") {
    for (const int count : {0, 1, 2, 4, 8}) CHECK_FALSE(is_heard(words_of(secret, 1), count));
}

TEST_CASE("door: who says nothing, or goes, keeps nobody else out") {
    const Door door = open_door();
    const UniqueFd silent = visit(door);
    visit(door).reset();
    const UniqueFd joiner = visit(door);
    const std::vector<int> fds(3, joiner.get());
    REQUIRE(send_packet(joiner.get(), words_of(secret, 2), fds));
    CHECK_FALSE(let_in(door.listener.get(), secret, Seconds(0.01)));
    CHECK_FALSE(let_in(door.listener.get(), secret));
    CHECK(let_in(door.listener.get(), secret));
}

TEST_CASE("door: another user is not heard, though it knows the secret") {
    if (::geteuid() != 0) {
        MESSAGE("skipped: needs root, who can become another user");
        return;
    }
    const Door door = open_door();
    const Bytes words = words_of(secret, 1);
    const pid_t other = ::fork();
    if (other == 0) {
        constexpr uid_t nobody = 65534;
        if (::setresuid(nobody, nobody, nobody) != 0) ::_exit(1);
        try {
            const UniqueFd visitor = visit(door);
            const std::vector<int> fds(3, visitor.get());
            ::_exit(send_packet(visitor.get(), words, fds) ? 0 : 1);
        } catch (const std::exception&) {
            ::_exit(1);
        }
    }
    int status = -1;
    REQUIRE(::waitpid(other, &status, 0) == other);
    REQUIRE(status == 0);
    CHECK_FALSE(let_in(door.listener.get(), secret));
}

TEST_CASE("door: knocking where nobody is any more is an error that says so") {
    const std::string left = open_door().name;
    const auto knock_there = [&] { knock(left, secret, {}, Deadline::after(long_enough)); };
    CHECK(code_of(knock_there) == ErrorCode::peer_lost);
    CHECK(error_of(knock_there).find("has ended before all had come") != std::string::npos);
}

TEST_CASE("door: a name that no door has is an error") {
    CHECK(code_of([] { knock(std::string(200, 'x'), secret, {}, Deadline::after(long_enough)); }) ==
          ErrorCode::protocol);
}
