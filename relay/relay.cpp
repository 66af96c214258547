// SPDX-License-Identifier: Apache-2.0
#include "relay/relay.hpp"

#include <sched.h>

#include <algorithm>
#include <limits>
#include <utility>

#include "base/fail.hpp"
#include "runtime/communicator_impl.hpp"

namespace ipcrun {

namespace {

constexpr int data_tag = 0;
constexpr std::uint64_t window_bytes = 64 << 20;
// So much may have been handed over without the other relay being told, and still it sends.
constexpr std::uint64_t untold_bytes_max = 8 << 20;
constexpr std::size_t lag_bytes = 256 << 20;  // as everywhere
// What a message counts for the window beside its bytes, for it takes memory even when it is empty.
constexpr std::uint64_t message_bytes = 256;
constexpr Seconds look_interval{2.0};

// As a Waiter yields before it sleeps.
constexpr std::chrono::microseconds yield_time{200};

Part part_of(const Message& message) {
    const std::size_t count = message.envelope.bytes / size_of(message.envelope.dtype);
    return {.data = message.storage ? message.storage->data() : nullptr,
            .count = count,
            .dtype = message.envelope.dtype};
}

}  // namespace

Relay::Relay(Communicator& local, SocketLink& link)
    : local_(local),
      link_(link),
      sources_{{{&local_, peer()}}},
      socket_bell_(link.fd()),
      sleep_(sources_, &socket_bell_.bell()) {}

bool Relay::pass_on() {
    bool has_moved = say_posted();
    if (!link_end_) (void)link_.has_whole(word_tag);  // takes in what has come, of all tags
    for (int tag = 0; tag < tag_count; ++tag) has_moved = fetch(tag) || has_moved;
    hear_all();
    has_moved = deliver() || has_moved;
    if (has_local_gone_) return has_moved;
    bool is_left = false;
    for (int tag = 0; tag < tag_count; ++tag) {
        has_moved = forward(tag) || has_moved;
        is_left = is_left || local_.test_message(peer(), tag);
    }
    // In this order: whoever had departed at the last look has sent nothing since.
    has_local_gone_ = !is_left && local_.impl().is_forsaken(peer());
    return has_moved || has_local_gone_;
}

// From the process here to the other relay.
bool Relay::forward(int tag) {
    bool has_moved = false;
    while (!link_end_) {
        const auto envelope = local_.test_message(peer(), tag);
        if (!envelope) break;
        if (tag == data_tag) {
            const std::uint64_t charge = envelope->bytes + message_bytes;
            const bool has_room = is_unlimited_ || under_way_ <= untold_bytes_max ||
                                  under_way_ + charge <= window_bytes;
            if (!has_room) break;
            under_way_ += charge;
        }
        const Message message = local_.receive_message(peer(), tag);
        const Part part = part_of(message);
        try {
            link_.send({}, {&part, 1}, tag, Deadline::never());
        } catch (const Error& error) {
            if (error.code != ErrorCode::peer_lost) throw;
            link_end_ = error;
        }
        has_moved = true;
    }
    return has_moved;
}

void Relay::lift_limits() {
    if (is_unlimited_) return;
    is_unlimited_ = true;
    local_.set_lag(std::numeric_limits<std::size_t>::max());
}

// Is a message there that can be received without waiting?
bool Relay::has_come(int tag) {
    if (!link_.has_ready(tag)) return false;
    try {
        return link_.wait(tag, Deadline::after(Seconds(0))).has_value() && link_.has_whole(tag);
    } catch (const Error& error) {
        if (error.code != ErrorCode::peer_lost) throw;
        if (tag == word_tag) link_end_ = error;  // the last that is looked for
        return false;
    }
}

// From the other relay to the process here.
bool Relay::fetch(int tag) {
    bool has_moved = false;
    while (has_come(tag)) {
        Message message = link_.receive(tag, Deadline::never());
        const Part part = part_of(message);
        has_moved = true;
        if (tag == data_tag) {
            waiting_.push_back({std::move(message), part});
            continue;
        }
        try {
            local_.set_lag(std::numeric_limits<std::size_t>::max());
            local_.send({&part, 1}, peer(), tag);
            if (!is_unlimited_) local_.set_lag(lag_bytes);
        } catch (const Error& error) {
            if (error.code != ErrorCode::peer_lost) throw;  // nobody is left to be told
        }
    }
    return has_moved;
}

// One after the other: each when the receiver has caught up.
bool Relay::deliver() {
    bool has_moved = false;
    while (!waiting_.empty()) {
        Waiting& first = waiting_.front();
        try {
            if (!first.request)
                first.request = local_.start_send({&first.part, 1}, peer(), data_tag);
            if (!first.request->test()) break;
        } catch (const Error& error) {
            if (error.code != ErrorCode::peer_lost) throw;  // as above
        }
        untold_ += first.message.envelope.bytes + message_bytes;
        waiting_.pop_front();
        has_moved = true;
    }
    if (untold_ >= untold_bytes_max) say(Taken{std::exchange(untold_, 0)});
    return has_moved;
}

void Relay::hear_all() {
    while (has_come(word_tag)) {
        const Message message = link_.receive(word_tag, Deadline::never());
        const auto* bytes = reinterpret_cast<const std::uint8_t*>(message.storage->data());
        const RelayWord word = decode_relay_word({bytes, message.envelope.bytes});
        if (const auto* taken = std::get_if<Taken>(&word))
            under_way_ -= std::min(under_way_, taken->bytes);
        else
            heard_.push_back(word);
    }
}

std::optional<RelayWord> Relay::hear() {
    if (heard_.empty()) return std::nullopt;
    RelayWord word = std::move(heard_.front());
    heard_.pop_front();
    return word;
}

void Relay::say(const RelayWord& word) {
    if (link_end_) return;
    Bytes bytes = encode(word);
    const Part part{.data = bytes.data(), .count = bytes.size(), .dtype = Dtype::u8};
    try {
        link_.send({}, {&part, 1}, word_tag, Deadline::never());
    } catch (const Error& error) {
        if (error.code != ErrorCode::peer_lost) throw;
        link_end_ = error;
    }
}

bool Relay::say_posted() {
    std::vector<RelayWord> posted;
    {
        const std::lock_guard lock(mutex_);
        posted.swap(posted_);
    }
    for (const RelayWord& word : posted) say(word);
    return !posted.empty();
}

void Relay::say_soon(const RelayWord& word) {
    {
        const std::lock_guard lock(mutex_);
        posted_.push_back(word);
    }
    wake();
}

void Relay::wake() {
    socket_bell_.bell().ring_all();
}

void Relay::sleep(const std::function<bool()>& has_news) {
    const auto yield_until = Clock::now() + yield_time;
    do {
        ::sched_yield();
        if (pass_on()) return;
    } while (Clock::now() < yield_until);
    const SourcesSleep::Raised raised(sleep_);
    if (!link_end_) socket_bell_.arm(link_.has_unsent());
    if (pass_on() || !heard_.empty() || has_news()) return;
    raised.wait(Deadline::after(look_interval));
    link_.look_for_end();
}

}  // namespace ipcrun
