// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What tests of messages have in common: small messages, recognisable bytes, and waiting for what
/// a peer does.

#include <cstddef>
#include <cstdint>
#include <functional>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "runtime/channel.hpp"
#include "tests/support/run_mailboxes.hpp"

namespace ipcrun::test {

inline Deadline soon() {
    return Deadline::after(Seconds(20));
}

inline Part part_of(std::vector<std::uint8_t>& bytes) {
    return {bytes.data(), bytes.size(), Dtype::u8};
}

inline void send_int(MailboxRank& self, int value, int to, int tag = 0) {
    const Part part{&value, 1, Dtype::i32};
    self.mail.send({&part, 1}, to, tag, soon(), {});
}

inline int receive_int(MailboxRank& self, int from = any_source, int tag = any_tag,
                       Envelope* envelope = nullptr) {
    int value = 0;
    const Part part{&value, 1, Dtype::i32};
    const Envelope got = self.mail.receive({&part, 1}, from, tag, soon(), {});
    if (envelope != nullptr) *envelope = got;
    return value;
}

inline void fill(std::uint8_t* data, std::size_t bytes, unsigned seed) {
    for (std::size_t i = 0; i < bytes; ++i)
        data[i] = static_cast<std::uint8_t>(i * 7 + i / 251 + seed);
}

inline bool is_filled(const std::uint8_t* data, std::size_t bytes, unsigned seed) {
    for (std::size_t i = 0; i < bytes; ++i)
        if (data[i] != static_cast<std::uint8_t>(i * 7 + i / 251 + seed)) return false;
    return true;
}

// Until the peer sleeps on its mail: it waits, and will not come back by itself.
inline void await_sleeper(MailboxRank& self, int peer) {
    while (self.group.member(peer).mail.sleepers.load() == 0) std::this_thread::yield();
}

inline void await_post(MailboxRank& self, int peer) {
    while (Post::phase_of(self.group.member(peer).post.state.load()) != Post::Phase::open)
        std::this_thread::yield();
}

inline ErrorCode code_of(const std::function<void()>& call) {
    try {
        call();
    } catch (const Error& error) {
        return error.code;
    }
    return ErrorCode::internal;
}

}  // namespace ipcrun::test
