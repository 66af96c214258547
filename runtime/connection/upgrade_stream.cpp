// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/upgrade_stream.hpp"

#include <cstring>

#include "base/fail.hpp"
#include "runtime/connection/upgrade_messages.hpp"

namespace ipcrun {

namespace {

using Length = std::uint32_t;

}  // namespace

void write_upgrade_message(SecureStream& stream, const Bytes& message, Deadline deadline) {
    Encoder out;
    out.number(static_cast<Length>(message.size()));
    Bytes bytes = out.take();
    bytes.insert(bytes.end(), message.begin(), message.end());
    std::size_t written = 0;
    for (;;) {
        const iovec rest{bytes.data() + written, bytes.size() - written};
        if (rest.iov_len > 0) written += stream.try_write({&rest, 1});
        if (written == bytes.size() && stream.try_flush()) return;
        if (!stream.wait(false, true, deadline))
            fail(ErrorCode::timeout, "agree on a link: the peer does not read");
    }
}

bool UpgradeReader::fill(SecureStream& stream, std::size_t size) {
    bytes_.resize(size);
    while (filled_ < size) {
        const iovec rest{bytes_.data() + filled_, size - filled_};
        const std::size_t count = stream.try_read({&rest, 1});
        if (count == 0) return false;
        filled_ += count;
    }
    filled_ = 0;
    return true;
}

std::optional<Bytes> UpgradeReader::read(SecureStream& stream) {
    if (!size_) {
        if (!fill(stream, sizeof(Length))) return std::nullopt;
        Decoder in(bytes_);
        size_ = in.number<Length>();
        if (*size_ == 0 || *size_ > upgrade_message_bytes_max)
            fail(ErrorCode::protocol, "agree on a link: a message of {} bytes", *size_);
    }
    if (!fill(stream, *size_)) return std::nullopt;
    size_.reset();
    return std::move(bytes_);
}

Bytes UpgradeReader::wait(SecureStream& stream, Deadline deadline) {
    for (;;) {
        if (auto message = read(stream)) return *std::move(message);
        if (!stream.wait(true, false, deadline))
            fail(ErrorCode::timeout, "agree on a link: timed out waiting for the peer");
    }
}

}  // namespace ipcrun
