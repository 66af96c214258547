// SPDX-License-Identifier: Apache-2.0
// Proves that packets arrive whole and with their descriptors, and what the end of a peer looks
// like.
#include "base/socket.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <sys/socket.h>
#include <sys/stat.h>

#include <numeric>

using namespace ipcrun;

namespace {

Bytes some_bytes(std::size_t count) {
    Bytes bytes(count);
    std::iota(bytes.begin(), bytes.end(), std::uint8_t{0});
    return bytes;
}

ino_t inode(int fd) {
    struct stat status = {};
    check_syscall(::fstat(fd, &status), "stat");
    return status.st_ino;
}

}  // namespace

TEST_CASE("socket: a packet socket is told from everything else that a number may name") {
    CHECK(is_packet_socket(create_socket_pair(SocketKind::packet).first.get()));
    CHECK_FALSE(is_packet_socket(create_socket_pair(SocketKind::stream).first.get()));
    CHECK_FALSE(is_packet_socket(UniqueFd(::open("/dev/null", O_RDWR | O_CLOEXEC)).get()));
    CHECK_FALSE(is_packet_socket(-1));
    CHECK_FALSE(is_packet_socket(1000000));
}

TEST_CASE("socket: packets keep their bounds, up to the longest") {
    const auto [here, there] = create_socket_pair(SocketKind::packet);
    Packet packet;
    for (const std::size_t bytes : {std::size_t{1}, std::size_t{1000}, packet_bytes_max}) {
        REQUIRE(send_packet(here.get(), some_bytes(bytes)));
        REQUIRE(send_packet(here.get(), some_bytes(3)));
        REQUIRE(receive_packet(there.get(), packet) == PacketResult::received);
        CHECK(packet.bytes == some_bytes(bytes));
        REQUIRE(receive_packet(there.get(), packet) == PacketResult::received);
        CHECK(packet.bytes == some_bytes(3));
        CHECK(packet.fds.empty());
    }
}

TEST_CASE("socket: descriptors travel in a packet and arrive close-on-exec") {
    const auto [here, there] = create_socket_pair(SocketKind::packet);
    const std::vector<int> sent(packet_fds_max, here.get());
    REQUIRE(send_packet(here.get(), some_bytes(1), sent));
    Packet packet;
    REQUIRE(receive_packet(there.get(), packet) == PacketResult::received);
    REQUIRE(packet.fds.size() == packet_fds_max);
    for (const UniqueFd& fd : packet.fds) {
        CHECK(inode(fd.get()) == inode(here.get()));
        CHECK((::fcntl(fd.get(), F_GETFD) & FD_CLOEXEC) != 0);
    }
}

TEST_CASE("socket: what a peer sent before it went is received, then the end") {
    auto [here, there] = create_socket_pair(SocketKind::packet);
    REQUIRE(send_packet(here.get(), some_bytes(5)));
    here.reset();
    CHECK(wait_readable(there.get(), Deadline::never()));
    Packet packet;
    CHECK(receive_packet(there.get(), packet) == PacketResult::received);
    CHECK(wait_readable(there.get(), Deadline::never()));
    CHECK(receive_packet(there.get(), packet) == PacketResult::closed);
}

TEST_CASE("socket: sending to a peer that is gone is an error, not a signal") {
    auto [here, there] = create_socket_pair(SocketKind::packet);
    there.reset();
    CHECK_THROWS_WITH_AS((void)send_packet(here.get(), some_bytes(1)),
                         "send a message: Broken pipe", Error);
}

TEST_CASE("socket: a non-blocking socket says when it is empty or full") {
    const auto [here, there] = create_socket_pair(SocketKind::packet);
    set_nonblocking(here.get());
    set_nonblocking(there.get());
    Packet packet;
    CHECK(receive_packet(there.get(), packet) == PacketResult::would_block);
    int sent = 0;
    while (send_packet(here.get(), some_bytes(1000))) ++sent;
    CHECK(sent > 0);
    for (int i = 0; i < sent; ++i)
        REQUIRE(receive_packet(there.get(), packet) == PacketResult::received);
    CHECK(receive_packet(there.get(), packet) == PacketResult::would_block);
}

TEST_CASE("socket: a packet that is too long is refused, and the next one arrives") {
    const auto [here, there] = create_socket_pair(SocketKind::packet);
    const Bytes bytes = some_bytes(packet_bytes_max + 1);
    REQUIRE(::send(here.get(), bytes.data(), bytes.size(), 0) ==
            static_cast<ssize_t>(bytes.size()));
    REQUIRE(send_packet(here.get(), some_bytes(2)));
    Packet packet;
    CHECK_THROWS_AS((void)receive_packet(there.get(), packet), Error);
    REQUIRE(receive_packet(there.get(), packet) == PacketResult::received);
    CHECK(packet.bytes.size() == 2);
}

TEST_CASE("socket: waiting for a message ends at the deadline") {
    const auto [here, there] = create_socket_pair(SocketKind::stream);
    const auto start = Clock::now();
    CHECK_FALSE(wait_readable(there.get(), Deadline::after(Seconds(0.02))));
    CHECK(Clock::now() - start >= std::chrono::milliseconds(20));
}

TEST_CASE("socket: pairs are close-on-exec until said otherwise") {
    const auto [here, there] = create_socket_pair(SocketKind::stream);
    CHECK(::fcntl(here.get(), F_GETFD) == FD_CLOEXEC);
    set_inherited(here.get());
    CHECK(::fcntl(here.get(), F_GETFD) == 0);
    set_close_on_exec(here.get());
    CHECK(::fcntl(here.get(), F_GETFD) == FD_CLOEXEC);
}
