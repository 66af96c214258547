// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/records.hpp"

#include <algorithm>
#include <cstring>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

using Length = std::uint32_t;
constexpr std::size_t header_bytes = crypto_secretstream_xchacha20poly1305_HEADERBYTES;
constexpr std::size_t added_bytes = crypto_secretstream_xchacha20poly1305_ABYTES;
constexpr std::size_t sealed_bytes_max = sizeof(Length) + record_bytes_max + added_bytes;
// Two records at a time: half the system calls.
constexpr std::size_t buffer_bytes = 2 * sealed_bytes_max;

[[noreturn]] void fail_changed(std::string_view peer) {
    fail(ErrorCode::protocol, "{}: what came from there was changed on the way", peer);
}

}  // namespace

Cursor::Cursor(std::span<const iovec> buffers) : buffers_(buffers) {
    for (const iovec& buffer : buffers) left_ += buffer.iov_len;
    advance(0);
}

std::span<std::uint8_t> Cursor::piece() const {
    if (buffers_.empty()) return {};
    return {static_cast<std::uint8_t*>(buffers_[0].iov_base) + offset_,
            buffers_[0].iov_len - offset_};
}

void Cursor::advance(std::size_t bytes) {
    offset_ += bytes;
    left_ -= bytes;
    while (!buffers_.empty() && offset_ >= buffers_[0].iov_len) {
        offset_ -= buffers_[0].iov_len;
        buffers_ = buffers_.subspan(1);
    }
}

void Cursor::copy_out(std::uint8_t* to, std::size_t bytes) {
    while (bytes > 0) {
        const auto from = piece().first(std::min(piece().size(), bytes));
        std::memcpy(to, from.data(), from.size());
        to += from.size();
        bytes -= from.size();
        advance(from.size());
    }
}

void Cursor::copy_in(const std::uint8_t* from, std::size_t bytes) {
    while (bytes > 0) {
        const auto to = piece().first(std::min(piece().size(), bytes));
        std::memcpy(to.data(), from, to.size());
        from += to.size();
        bytes -= to.size();
        advance(to.size());
    }
}

RecordSealer::RecordSealer(const Key& key) : header_(header_bytes) {
    (void)crypto_secretstream_xchacha20poly1305_init_push(&state_, header_.data(),
                                                          key.bytes.data());  // never fails
}

RecordSealer::~RecordSealer() {
    sodium_memzero(&state_, sizeof state_);
}

std::size_t RecordSealer::seal(Cursor& from, Bytes& to) {
    const std::size_t bytes = std::min(from.bytes_left(), record_bytes_max);
    to.insert(to.end(), header_.begin(), header_.end());
    header_.clear();
    const std::uint8_t* plain = from.piece().data();
    if (from.piece().size() >= bytes) {
        from.advance(bytes);
    } else {
        plain_.resize(record_bytes_max);
        from.copy_out(plain_.data(), bytes);
        plain = plain_.data();
    }
    const auto length = static_cast<Length>(bytes);
    const std::size_t at = to.size();
    to.resize(at + sizeof length + bytes + added_bytes);
    std::memcpy(to.data() + at, &length, sizeof length);
    (void)crypto_secretstream_xchacha20poly1305_push(
        &state_, to.data() + at + sizeof length, nullptr, plain, bytes, to.data() + at,
        sizeof length, crypto_secretstream_xchacha20poly1305_TAG_MESSAGE);  // never fails
    return bytes;
}

RecordOpener::RecordOpener(const Key& key) : key_(key) {}

RecordOpener::~RecordOpener() {
    sodium_memzero(&state_, sizeof state_);
}

iovec RecordOpener::room() {
    buffer_.resize(buffer_bytes);
    // An incomplete record is all that there is now: it moves to the front.
    std::memmove(buffer_.data(), buffer_.data() + begin_, end_ - begin_);
    end_ -= begin_;
    begin_ = 0;
    return {buffer_.data() + end_, buffer_.size() - end_};
}

void RecordOpener::start(std::string_view peer) {
    if (crypto_secretstream_xchacha20poly1305_init_pull(&state_, sealed().data(),
                                                        key_.bytes.data()) != 0)
        fail_changed(peer);
    begin_ += header_bytes;
    has_started_ = true;
}

// Of the plain text of the next record, if all of it is there; else 0. A length that cannot be is
// returned, too, for unseal() to refuse.
std::size_t RecordOpener::record_bytes() const {
    const auto bytes = sealed();
    if (!has_started_ || bytes.size() < sizeof(Length)) return 0;
    Length length;
    std::memcpy(&length, bytes.data(), sizeof length);
    if (length == 0 || length > record_bytes_max) return record_bytes_max + 1;
    return bytes.size() >= sizeof length + length + added_bytes ? length : 0;
}

// False, and nothing has happened, when it is not what was sealed.
bool RecordOpener::unseal(std::size_t bytes, std::uint8_t* to) {
    if (bytes > record_bytes_max) return false;
    const std::uint8_t* from = sealed().data();
    unsigned char tag = 0;
    if (crypto_secretstream_xchacha20poly1305_pull(&state_, to, nullptr, &tag,
                                                   from + sizeof(Length), bytes + added_bytes, from,
                                                   sizeof(Length)) != 0)
        return false;
    begin_ += sizeof(Length) + bytes + added_bytes;
    return true;
}

std::size_t RecordOpener::open(Cursor& to, std::string_view peer) {
    const std::size_t before = to.bytes_left();
    while (to.bytes_left() > 0) {
        if (plain_begin_ < plain_.size()) {
            const std::size_t bytes = std::min(plain_.size() - plain_begin_, to.bytes_left());
            to.copy_in(plain_.data() + plain_begin_, bytes);
            plain_begin_ += bytes;
            continue;
        }
        if (!has_started_ && sealed().size() >= header_bytes) start(peer);
        const std::size_t bytes = record_bytes();
        if (bytes == 0) break;
        const bool fits = to.piece().size() >= bytes;
        if (!fits) {
            plain_.resize(record_bytes_max);
            plain_begin_ = plain_.size();
        }
        if (!unseal(bytes, fits ? to.piece().data() : plain_.data())) {
            // What was good before it is given first.
            if (to.bytes_left() < before) break;
            fail_changed(peer);
        }
        if (fits) {
            to.advance(bytes);
        } else {
            plain_.resize(bytes);
            plain_begin_ = 0;
        }
    }
    return before - to.bytes_left();
}

bool RecordOpener::has_more() const {
    return plain_begin_ < plain_.size() || record_bytes() != 0;
}

}  // namespace ipcrun
