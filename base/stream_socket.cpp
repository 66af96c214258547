// SPDX-License-Identifier: Apache-2.0
#include "base/stream_socket.hpp"

#include <fcntl.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <sys/stat.h>
#include <sys/un.h>

#include <algorithm>
#include <cstddef>
#include <cstring>
#include <optional>

#include "base/fail.hpp"
#include "base/resolve.hpp"
#include "base/socket.hpp"

namespace ipcrun {

namespace {

constexpr int keep_alive_idle_s = 4, keep_alive_interval_s = 2, keep_alive_probes = 3;
constexpr std::uint32_t silence_ms_max = 10'000;
// Each waits twice as long as the one before, the first 200 ms at least: five are 6 s.
constexpr int retransmissions_max = 5;
constexpr int window_probes_max = 2;
// For an address of a name that has more.
constexpr Seconds one_address_time_max{10};

void set_option(int fd, int level, int name, int value) {
    check_syscall(::setsockopt(fd, level, name, &value, sizeof value), "set up a socket");
}

// What a connection of TCP is to be like; a listener hands it on to those that it accepts.
void tune(int fd, int family) {
    if (family == AF_UNIX) return;
    set_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    set_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    set_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, keep_alive_idle_s);
    set_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, keep_alive_interval_s);
    set_option(fd, IPPROTO_TCP, TCP_KEEPCNT, keep_alive_probes);
}

UniqueFd open_socket(int family) {
    UniqueFd fd(check_syscall(::socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0),
                              "create a socket"));
    tune(fd.get(), family);
    return fd;
}

UniqueFd listen_on(const SocketAddress& where, bool on_all) {
    UniqueFd fd = open_socket(where.family());
    if (where.family() == AF_UNIX) {
        // Linux makes the file with the mode of the socket, less the umask: no moment in which
        // others may connect.
        check_syscall(::fchmod(fd.get(), 0600), "set the mode of a Unix socket");
    } else {
        set_option(fd.get(), SOL_SOCKET, SO_REUSEADDR, 1);
        if (where.family() == AF_INET6)
            set_option(fd.get(), IPPROTO_IPV6, IPV6_V6ONLY, on_all ? 0 : 1);
    }
    check_syscall(::bind(fd.get(), where.get(), where.bytes), "bind");
    check_syscall(::listen(fd.get(), SOMAXCONN), "listen");
    return fd;
}

// Errors of a connection that has broken before it was taken (accept(2)): the next may be better.
bool is_of_one_connection(int error_number) {
    switch (error_number) {
        case EINTR:
        case ECONNABORTED:
        case EPERM:
        case EPROTO:
        case ENETDOWN:
        case ENOPROTOOPT:
        case EHOSTDOWN:
        case ENONET:
        case EHOSTUNREACH:
        case EOPNOTSUPP:
        case ENETUNREACH:
            return true;
        default:
            return false;
    }
}

// Zero, or why a connection is none after all.
int refusal_of_connected(int fd) {
    SocketAddress own, peer;
    own.bytes = peer.bytes = sizeof own.storage;
    check_syscall(::getsockname(fd, reinterpret_cast<sockaddr*>(&own.storage), &own.bytes),
                  "ask for the address of a socket");
    // It has been reset already.
    if (::getpeername(fd, reinterpret_cast<sockaddr*>(&peer.storage), &peer.bytes) < 0)
        return ECONNRESET;
    // Without a listener a port of this host may connect with itself (RFC 9293, simultaneous
    // open), when it is the one that the kernel happens to choose.
    const bool is_itself =
        own.bytes == peer.bytes && std::memcmp(&own.storage, &peer.storage, own.bytes) == 0;
    return is_itself ? ECONNREFUSED : 0;
}

// Zero when it has begun, or is done; or why not. EINTR: it goes on by itself, like EINPROGRESS.
int start_connect(int fd, const SocketAddress& where) {
    if (::connect(fd, where.get(), where.bytes) == 0) return 0;
    return errno == EINPROGRESS || errno == EINTR ? 0 : errno;
}

// Zero, or why not; nullopt when the time is over.
std::optional<int> connect_tcp(int fd, const SocketAddress& where, Deadline deadline) {
    if (const int result = start_connect(fd, where); result != 0) return result;
    if (!wait_writable(fd, deadline)) return std::nullopt;
    return end_connect(fd);
}

// When its queue is full, a Unix socket cannot be polled for room; a blocking one waits, as long as
// its time limit for sending says.
std::optional<int> connect_unix(int fd, const SocketAddress& where, Deadline deadline) {
    const int flags = check_syscall(::fcntl(fd, F_GETFL), "read the flags of a socket");
    check_syscall(::fcntl(fd, F_SETFL, flags & ~O_NONBLOCK), "make a socket blocking");
    int result;
    do {
        timeval limit{};  // zero: none
        if (!deadline.is_never()) {
            const int left_ms = std::max(deadline.remaining_ms(), 1);
            limit = {.tv_sec = left_ms / 1000, .tv_usec = left_ms % 1000 * 1000};
        }
        check_syscall(::setsockopt(fd, SOL_SOCKET, SO_SNDTIMEO, &limit, sizeof limit),
                      "set up a socket");
        result = ::connect(fd, where.get(), where.bytes) < 0 ? errno : 0;
    } while (result == EINTR);
    if (result == EAGAIN) return std::nullopt;
    set_nonblocking(fd);
    return result;
}

// What came to a socket of IPv6 by IPv4 ("::ffff:10.0.0.2") as the address of IPv4 that it is: one
// that hosts without IPv6 can use, and at which can be listened.
SocketAddress without_mapping(const SocketAddress& from) {
    const auto* six = reinterpret_cast<const sockaddr_in6*>(&from.storage);
    if (from.family() != AF_INET6 || !IN6_IS_ADDR_V4MAPPED(&six->sin6_addr)) return from;
    SocketAddress result;
    auto* four = reinterpret_cast<sockaddr_in*>(&result.storage);
    four->sin_family = AF_INET;
    four->sin_port = six->sin6_port;
    std::memcpy(&four->sin_addr, &six->sin6_addr.s6_addr[12], sizeof four->sin_addr);
    result.bytes = sizeof *four;
    return result;
}

Address format_socket_address(const SocketAddress& given) {
    const SocketAddress from = without_mapping(given);
    char host[NI_MAXHOST], port[NI_MAXSERV];
    const int result = ::getnameinfo(from.get(), from.bytes, host, sizeof host, port, sizeof port,
                                     NI_NUMERICHOST | NI_NUMERICSERV);
    if (result != 0) fail(ErrorCode::system, "name a socket: {}", ::gai_strerror(result));
    return Address{.host = host, .port = static_cast<std::uint16_t>(std::stoul(port))};
}

Address name_of_pid(long pid) {
    return Address{.path = fmt::format("pid {}", pid)};
}

Address format_unix_address(const SocketAddress& from) {
    const auto* name = reinterpret_cast<const sockaddr_un*>(&from.storage);
    const std::size_t bytes = from.bytes - offsetof(sockaddr_un, sun_path);
    if (from.bytes <= offsetof(sockaddr_un, sun_path)) return name_of_pid(::getpid());
    std::string path(name->sun_path, bytes);
    if (path[0] == '\0')
        path[0] = '@';
    else
        path.resize(::strnlen(path.data(), bytes));
    return Address{.path = path};
}

// Does something stand in the place of a Unix socket that is none?
bool is_other_file(const Address& address) {
    struct stat status {};
    return address.is_unix() && !address.path.starts_with('@') &&
           ::stat(address.path.c_str(), &status) == 0 && !S_ISSOCK(status.st_mode);
}

}  // namespace

UniqueFd listen_at(const Address& address) {
    const auto found = resolve(address, true, Deadline::never());
    int last_error = 0;
    for (const SocketAddress& where : found) {
        try {
            return listen_on(where, address.host.empty());
        } catch (const Error& error) {
            last_error = error.system_errno;
            // A port that is taken is so for a reason: that of another family would surprise.
            if (last_error == EADDRINUSE) break;
        }
    }
    const bool has_file = address.is_unix() && !address.path.starts_with('@');
    if (has_file && last_error == EADDRINUSE)
        throw Error(ErrorCode::system,
                    fmt::format("listen at {}: the file is there already (remove it if nobody "
                                "listens there any more)",
                                format_address(address)),
                    last_error);
    if (last_error == EADDRINUSE)
        throw Error(
            ErrorCode::system,
            fmt::format(
                "listen at {}: {}: this program or another one listens there; choose another {}",
                format_address(address), std::strerror(last_error),
                address.is_unix() ? "name" : "port, or 0 for one that is free"),
            last_error);
    fail_errno(last_error, fmt::format("listen at {}", format_address(address)));
}

UniqueFd accept_from(int listener) {
    for (;;) {
        UniqueFd fd(::accept4(listener, nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (fd) return fd;
        if (errno == EAGAIN) return {};
        if (!is_of_one_connection(errno)) fail_errno(errno, "accept a connection");
    }
}

UniqueFd connect_to(const Address& address, Deadline deadline) {
    const auto found = resolve(address, false, deadline);
    std::optional<int> last_error;
    bool is_late = false;  // the last of them has not answered at all
    for (std::size_t i = 0; i < found.size(); ++i) {
        const SocketAddress& where = found[i];
        // One that swallows all must leave some time for the next.
        Deadline share = deadline;
        if (i + 1 < found.size())
            share = Deadline::sooner(
                Deadline::after(deadline.is_never() ? one_address_time_max
                                                    : Seconds(*deadline.remaining()) / 2),
                deadline);
        UniqueFd fd;
        try {
            fd = open_socket(where.family());
        } catch (const Error& error) {
            // A name has addresses of IPv6 also where the kernel has none.
            last_error = error.system_errno;
            continue;
        }
        const auto result = where.family() == AF_UNIX ? connect_unix(fd.get(), where, share)
                                                      : connect_tcp(fd.get(), where, share);
        if (result == 0) return fd;
        is_late = !result;
        if (result) last_error = result;
    }
    if (last_error == ECONNREFUSED && is_other_file(address))
        throw Error(ErrorCode::config,
                    fmt::format("connect to {}: the file is no socket", format_address(address)),
                    ENOTSOCK);
    if (!last_error || (is_late && deadline.has_passed()))
        fail(ErrorCode::timeout, "connect to {}: no answer in time", format_address(address));
    fail_errno(*last_error, fmt::format("connect to {}", format_address(address)));
}

UniqueFd begin_connect(const Address& address, Deadline deadline) {
    const SocketAddress where = resolve(address, false, deadline).front();
    UniqueFd fd = open_socket(where.family());
    if (const int result = start_connect(fd.get(), where); result != 0)
        fail_errno(result, fmt::format("connect to {}", format_address(address)));
    return fd;
}

int end_connect(int fd) {
    int result = 0;
    socklen_t bytes = sizeof result;
    check_syscall(::getsockopt(fd, SOL_SOCKET, SO_ERROR, &result, &bytes),
                  "ask whether a socket is connected");
    return result != 0 ? result : refusal_of_connected(fd);
}

Address own_address(int fd) {
    SocketAddress address;
    address.bytes = sizeof address.storage;
    auto* storage = reinterpret_cast<sockaddr*>(&address.storage);
    check_syscall(::getsockname(fd, storage, &address.bytes), "ask for the address of a socket");
    if (address.family() == AF_UNIX) return format_unix_address(address);
    return format_socket_address(address);
}

Address peer_address(int fd) {
    SocketAddress address;
    address.bytes = sizeof address.storage;
    auto* storage = reinterpret_cast<sockaddr*>(&address.storage);
    check_syscall(::getpeername(fd, storage, &address.bytes), "ask for the peer of a socket");
    if (address.family() != AF_UNIX) return format_socket_address(address);
    ucred peer{};
    socklen_t bytes = sizeof peer;
    check_syscall(::getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &bytes),
                  "ask who the peer of a socket is");
    return name_of_pid(peer.pid);
}

bool has_vanished(int fd) {
    tcp_info info{};
    socklen_t bytes = sizeof info;
    // Not of TCP: the kernel closes the other end of a Unix socket whatever happens.
    if (::getsockopt(fd, IPPROTO_TCP, TCP_INFO, &info, &bytes) < 0) return false;
    const bool asked_again = info.tcpi_retransmits >= retransmissions_max ||
                             (info.tcpi_unacked == 0 && info.tcpi_probes >= window_probes_max);
    return asked_again && info.tcpi_last_ack_recv >= silence_ms_max;
}

bool wait_writable(int fd, Deadline deadline) {
    pollfd poll_fd{fd, POLLOUT, 0};
    for (;;) {
        const int ready = ::poll(&poll_fd, 1, deadline.remaining_ms());
        if (ready > 0) return true;
        if (ready == 0) return false;
        if (errno != EINTR) fail_errno(errno, "wait for a socket");
    }
}

}  // namespace ipcrun
