// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Two ends of a stream in one process, and ways to move bytes between them.

#include <future>
#include <string>
#include <utility>
#include <vector>

#include "base/socket.hpp"
#include "base/stream_socket.hpp"
#include "runtime/stream/dial.hpp"

namespace ipcrun::testing {

inline Deadline soon() {
    return Deadline::after(Seconds(20));
}

/// The code of the Error that `act` throws, and its text; fails the test when it throws none.
template <typename Act>
std::pair<ErrorCode, std::string> error_of(Act act) {
    try {
        act();
    } catch (const Error& error) {
        return {error.code, error.what()};
    }
    return {ErrorCode::internal, "no error at all"};
}

struct StreamPair {
    SecureStream client, server;
};

/// Over connected sockets.
inline StreamPair shake_hands_of(UniqueFd client, UniqueFd server, bool encrypt,
                                 const Key& key = key_of_text("the key of these tests")) {
    const DialOptions options{.key = key, .encrypt = encrypt};
    // Whichever end fails, the other one sees its socket closed: both come back with an error.
    auto accepting = std::async(std::launch::async, [&] {
        return shake_hands(std::move(server), Role::server, options, "client", soon());
    });
    SecureStream dialled =
        shake_hands(std::move(client), Role::client, options, "the server", soon());
    return {std::move(dialled), accepting.get()};
}

/// A listener at a free port of `host`, and a connection to it.
struct TcpPair {
    UniqueFd client, server;
};
inline TcpPair tcp_pair(const std::string& host = "127.0.0.1") {
    const UniqueFd listener = listen_at(Address{.host = host});
    UniqueFd client = connect_to(own_address(listener.get()), soon());
    (void)wait_readable(listener.get(), soon());
    return {std::move(client), accept_from(listener.get())};
}

inline StreamPair stream_pair(bool encrypt) {
    auto sockets = tcp_pair();
    return shake_hands_of(std::move(sockets.client), std::move(sockets.server), encrypt);
}

inline void write_all(SecureStream& stream, std::string_view text) {
    while (!text.empty()) {
        const iovec buffer{const_cast<char*>(text.data()), text.size()};
        const std::size_t count = stream.try_write({&buffer, 1});
        text.remove_prefix(count);
        if (count == 0 && !stream.wait(false, true, soon()))
            fail(ErrorCode::timeout, "a test could not write");
    }
    while (!stream.try_flush())
        if (!stream.wait(false, true, soon())) fail(ErrorCode::timeout, "a test could not flush");
}

inline std::string read_all(SecureStream& stream, std::size_t bytes) {
    std::string text(bytes, '\0');
    std::size_t got = 0;
    while (got < bytes) {
        const iovec buffer{text.data() + got, bytes - got};
        const std::size_t count = stream.try_read({&buffer, 1});
        got += count;
        if (count == 0 && !stream.wait(true, false, soon()))
            fail(ErrorCode::timeout, "a test could not read: {} of {} bytes", got, bytes);
    }
    return text;
}

}  // namespace ipcrun::testing
