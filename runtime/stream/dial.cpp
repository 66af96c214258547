// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/dial.hpp"

#include <poll.h>

#include <algorithm>
#include <optional>
#include <random>
#include <string>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "base/stream_socket.hpp"
#include "runtime/stream/handshake_socket.hpp"

namespace ipcrun {

namespace {

constexpr Seconds silence_max{10.0};
// How long it is tried again when connections end in the middle of handshakes.
constexpr Seconds ends_time_max{10.0};
constexpr std::chrono::milliseconds pause_min{5}, pause_max{250};

// Nobody listens there now, which may change.
bool may_change(int error_number) {
    switch (error_number) {
        case ECONNREFUSED:
        case ECONNRESET:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENETDOWN:
        case ENETUNREACH:
        case ENOENT:  // the file of a Unix socket
        case ETIMEDOUT:
            return true;
        default:
            return false;
    }
}

// Between tries: longer each time, and not the same for all who began together. False when the
// deadline has passed; the last pause is cut short by it.
class Pauses {
  public:
    bool wait(Deadline deadline) {
        const int longest_ms = static_cast<int>(pause_.count());
        const int pause_ms = std::uniform_int_distribution(longest_ms / 2, longest_ms)(random_);
        const int left_ms = deadline.remaining_ms();
        (void)::poll(nullptr, 0, left_ms < 0 ? pause_ms : std::min(left_ms, pause_ms));
        pause_ = std::min(2 * pause_, pause_max);
        return !deadline.has_passed();
    }

  private:
    std::minstd_rand random_{std::random_device()()};
    std::chrono::milliseconds pause_ = pause_min;
};

// An error of time, with what went wrong before it.
Error with_last(const Error& error, const std::optional<Error>& last) {
    if (!last) return error;
    return Error(error.code, fmt::format("{}; before that: {}", error.what(), last->what()));
}

UniqueFd connect_patiently(const Address& address, bool waits, std::optional<Error>& last,
                           Deadline deadline) {
    Pauses pauses;
    for (;;) {
        try {
            return connect_to(address, deadline);
        } catch (const Error& error) {
            if (error.code == ErrorCode::timeout) throw with_last(error, last);
            if (!waits || !may_change(error.system_errno)) throw;
            last = error;
        }
        // The kernel tells nobody when a port is opened.
        if (!pauses.wait(deadline))
            fail(ErrorCode::timeout, "{}: nobody has listened there in time", last->what());
    }
}

}  // namespace

SecureStream shake_hands(UniqueFd socket, Role role, const DialOptions& options, std::string peer,
                         Deadline deadline) {
    set_nonblocking(socket.get());
    const Deadline silence = Deadline::after(silence_max);
    const Deadline sooner = Deadline::sooner(deadline, silence);
    HandshakeSocket handshake(std::move(socket), role, options.key, options.encrypt,
                              options.purpose, std::move(peer));
    try {
        for (;;) {
            const auto state = handshake.advance();
            if (state == HandshakeSocket::State::done) return handshake.take_stream();
            const bool goes_on = state == HandshakeSocket::State::wants_to_read
                                     ? wait_readable(handshake.fd(), sooner)
                                     : wait_writable(handshake.fd(), sooner);
            if (!goes_on) break;
        }
    } catch (const Error& error) {
        // Those of the socket name the peer already.
        if (error.code != ErrorCode::config && error.code != ErrorCode::protocol) throw;
        throw Error(error.code, fmt::format("{}: {}", handshake.peer(), error.what()));
    }
    if (silence.has_passed())
        fail(ErrorCode::timeout,
             "{}: it has taken the connection and then said nothing for {:.0f} s", handshake.peer(),
             silence_max.count());
    fail(ErrorCode::timeout, "{}: it has taken the connection, and said nothing in time",
         handshake.peer());
}

SecureStream dial(const Address& address, const DialOptions& options, Deadline deadline) {
    const std::string peer = fmt::format("server {}", format_address(address));
    Pauses pauses;
    std::optional<Error> last;
    Deadline ends_until = Deadline::never();
    for (int ends = 1;; ++ends) {
        UniqueFd socket = connect_patiently(address, options.waits_for_listener, last, deadline);
        try {
            return shake_hands(std::move(socket), Role::client, options, peer, deadline);
        } catch (const Error& error) {
            if (error.code == ErrorCode::timeout) throw with_last(error, last);
            if (error.code != ErrorCode::peer_lost || !options.waits_for_listener) throw;
            if (ends == 1) ends_until = Deadline::after(ends_time_max);
            last = Error(error.code, fmt::format("{}, in the middle of a handshake", error.what()));
        }
        if (!pauses.wait(Deadline::sooner(deadline, ends_until)))
            throw ends == 1 ? *last
                            : Error(last->code, fmt::format("{}, {} times", last->what(), ends));
    }
}

}  // namespace ipcrun
