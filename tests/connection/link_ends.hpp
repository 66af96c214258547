// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Both ends of a link of each kind, in one process or two.

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cstring>
#include <exception>
#include <functional>
#include <memory>
#include <string>
#include <string_view>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "base/fail.hpp"
#include "base/socket.hpp"
#include "base/stream_socket.hpp"
#include "runtime/connection/memory_link.hpp"
#include "runtime/connection/socket_link.hpp"
#include "runtime/stream/frame.hpp"

namespace ipcrun::test {

enum class Carrier { process, memory, unix_socket, tcp, encrypted };
inline const std::vector<Carrier>& all_carriers() {
    static const std::vector<Carrier> all{Carrier::process, Carrier::memory, Carrier::unix_socket,
                                          Carrier::tcp, Carrier::encrypted};
    return all;
}
inline std::string_view name_of(Carrier carrier) {
    constexpr std::string_view names[] = {"process", "memory", "unix socket", "tcp", "encrypted"};
    return names[static_cast<int>(carrier)];
}

struct Sockets {
    UniqueFd first, second;
};
inline Sockets unix_sockets() {
    int fds[2];
    check_syscall(::socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, fds),
                  "make a pair of sockets");
    return {UniqueFd(fds[0]), UniqueFd(fds[1])};
}
inline Sockets tcp_sockets() {
    const UniqueFd listener = listen_at({.host = "127.0.0.1"});
    UniqueFd client = connect_to(own_address(listener.get()), Deadline::after(Seconds(60)));
    (void)wait_readable(listener.get(), Deadline::after(Seconds(60)));
    UniqueFd server = accept_from(listener.get());
    check(server.get() >= 0, "a connection that was made has come");
    return {std::move(client), std::move(server)};
}

inline Session session_of(bool is_first, bool is_encrypted) {
    Session session;
    session.send_key.bytes.fill(is_first ? 1 : 2);
    session.receive_key.bytes.fill(is_first ? 2 : 1);
    session.is_encrypted = is_encrypted;
    return session;
}

/// What both ends are made of, before somebody forks.
struct Wire {
    explicit Wire(Carrier which) : carrier(which) {
        if (carrier == Carrier::unix_socket) {
            sockets = unix_sockets();
        } else if (carrier == Carrier::tcp || carrier == Carrier::encrypted) {
            sockets = tcp_sockets();
        } else if (carrier == Carrier::process) {
            shared = NodeMemory::create(2, 2, arena_bytes);
        } else {
            control = ControlSegment::create(2, 2, arena_bytes);
            const int fd = ::memfd_create("heap", MFD_CLOEXEC);
            heap = UniqueFd(check_syscall(fd, "create memory"));
            check_syscall(::ftruncate(heap.get(), 2 * arena_bytes), "size memory");
        }
    }

    /// One end; once for each of 0 and 1.
    std::unique_ptr<Link> end(int rank) {
        if (carrier == Carrier::process)
            return std::make_unique<MemoryLink>(shared, rank, LinkKind::process);
        if (carrier == Carrier::memory)
            return std::make_unique<MemoryLink>(
                std::make_shared<NodeMemory>(again(control), again(heap)), rank, LinkKind::memory);
        UniqueFd socket = std::move(rank == 0 ? sockets.first : sockets.second);
        return std::make_unique<SocketLink>(SecureStream(
            std::move(socket), session_of(rank == 0, carrier == Carrier::encrypted), "the peer"));
    }

    static UniqueFd again(const UniqueFd& fd) {
        return UniqueFd(check_syscall(::fcntl(fd.get(), F_DUPFD_CLOEXEC, 0), "duplicate"));
    }

    static constexpr std::uint64_t arena_bytes = 8ull << 30;
    Carrier carrier;
    Sockets sockets;
    std::shared_ptr<NodeMemory> shared;
    UniqueFd control, heap;
};

struct Ends {
    explicit Ends(Carrier carrier) : Ends(Wire(carrier)) {}
    explicit Ends(Wire wire) : first(wire.end(0)), second(wire.end(1)) {}
    std::unique_ptr<Link> first, second;
};

/// Runs `first` in a thread of its own, and `second`; throws what they throw.
inline void run_both(const std::function<void()>& first, const std::function<void()>& second) {
    std::exception_ptr outcome;
    std::thread thread([&] {
        try {
            first();
        } catch (...) {
            outcome = std::current_exception();
        }
    });
    std::exception_ptr own;
    try {
        second();
    } catch (...) {
        own = std::current_exception();
    }
    thread.join();
    if (own) std::rethrow_exception(own);
    if (outcome) std::rethrow_exception(outcome);
}

inline Deadline soon() {
    return Deadline::after(Seconds(60));
}
inline Deadline now() {
    return Deadline::after(Seconds(0));
}

inline Part part_of(std::vector<std::uint8_t>& bytes) {
    return {.data = bytes.data(), .count = bytes.size(), .dtype = Dtype::u8};
}
inline Part part_of(std::vector<float>& numbers) {
    return {.data = numbers.data(), .count = numbers.size(), .dtype = Dtype::f32};
}
inline std::vector<std::uint8_t> bytes_of(std::string_view text) {
    return {text.begin(), text.end()};
}
inline std::string text_of(std::span<const std::uint8_t> bytes) {
    return {bytes.begin(), bytes.end()};
}
inline std::string text_of(const Message& message) {
    return {reinterpret_cast<const char*>(message.storage->data()), message.envelope.bytes};
}

/// Bytes that differ from place to place and from seed to seed.
inline std::vector<std::uint8_t> pattern(std::size_t count, std::uint32_t seed) {
    std::vector<std::uint8_t> bytes(count);
    for (std::size_t i = 0; i < count; ++i)
        bytes[i] = static_cast<std::uint8_t>((i * 2654435761u + seed) >> 11);
    return bytes;
}

inline void send_text(Link& link, std::string_view text, int tag = 0, std::string_view note = {},
                      Deadline deadline = soon()) {
    auto bytes = bytes_of(text);
    const Part part = part_of(bytes);
    link.send(bytes_of(note), {&part, 1}, tag, deadline);
}
inline void send_bytes(Link& link, std::vector<std::uint8_t>& bytes, int tag = 0,
                       Deadline deadline = soon()) {
    const Part part = part_of(bytes);
    link.send({}, {&part, 1}, tag, deadline);
}
inline void receive_bytes(Link& link, std::vector<std::uint8_t>& bytes, int tag = 0,
                          Deadline deadline = soon()) {
    const Part part = part_of(bytes);
    link.receive_into({&part, 1}, tag, deadline);
}

/// The Error that `act` throws; fails the test when it throws none.
template <typename Act>
Error error_of(Act act) {
    try {
        act();
    } catch (const Error& error) {
        return error;
    }
    return Error(ErrorCode::internal, "no error at all");
}

}  // namespace ipcrun::test
