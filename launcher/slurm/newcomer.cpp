// SPDX-License-Identifier: Apache-2.0
#include "launcher/slurm/newcomer.hpp"

#include <sys/uio.h>

#include <utility>

#include "base/fail.hpp"
#include "launcher/agent_protocol.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t node_bytes_max = 1024;

}  // namespace

// The greeting begins with the end of a line.
void introduce(SecureStream& stream, std::string_view node, Deadline deadline) {
    const std::string words = fmt::format("{}{}", node, agent_greeting);
    std::size_t taken = 0;
    while (taken < words.size() || stream.has_unsent()) {
        const iovec rest{const_cast<char*>(words.data()) + taken, words.size() - taken};
        taken += stream.try_write({&rest, 1});
        if (stream.try_flush()) continue;
        if (!stream.wait(false, true, deadline))
            fail(ErrorCode::timeout, "speak to {}: it does not listen", stream.peer());
    }
}

Newcomer::Newcomer(EventLoop& loop, SecureStream stream, std::function<void()> done)
    : stream_(std::move(stream)), done_(std::move(done)) {
    watch_ = loop.on_readable(stream_.fd(), [this] { read(); });
}

SecureStream Newcomer::take_stream() {
    watch_.reset();
    return std::move(stream_);
}

void Newcomer::read() {
    char bytes[node_bytes_max];
    const iovec room{bytes, sizeof bytes};
    bool is_over = false;
    try {
        do {
            const std::size_t count = stream_.try_read({&room, 1});
            if (count == 0) return;
            is_over = hear({bytes, count});
        } while (!is_over && stream_.has_read_ahead());
    } catch (const Error& error) {
        fault_ = error.what();
        is_over = true;
    }
    if (!is_over) return;
    const auto done = std::move(done_);
    done();
}

// True once the greeting is there.
bool Newcomer::hear(std::string_view bytes) {
    if (!has_node_) {
        const auto end = bytes.find('\n');
        node_ += bytes.substr(0, end);
        if (node_.size() > node_bytes_max) fail(ErrorCode::protocol, "no node has such a name");
        if (end == bytes.npos) return false;
        has_node_ = true;
        bytes.remove_prefix(end);
    }
    const auto* begin = reinterpret_cast<const std::uint8_t*>(bytes.data());
    return greeting_.feed({begin, bytes.size()}).has_value();
}

}  // namespace ipcrun
