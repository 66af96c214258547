// SPDX-License-Identifier: Apache-2.0
#include "launcher/bootstrap/channel.hpp"

#include <algorithm>
#include <cstring>

namespace ipcrun {

namespace {

using Size = std::uint32_t;

}  // namespace

void Channel::send(std::span<const std::uint8_t> message) {
    Encoder size;
    size.number(static_cast<Size>(message.size()));
    const Bytes head = size.take();
    output_.insert(output_.end(), head.begin(), head.end());
    output_.insert(output_.end(), message.begin(), message.end());
    flush();
}

bool Channel::has_unsent() const {
    return sent_ < output_.size() || stream_.has_unsent();
}

void Channel::flush() {
    while (sent_ < output_.size()) {
        const iovec rest{output_.data() + sent_, output_.size() - sent_};
        const std::size_t count = stream_.try_write({&rest, 1});
        if (count == 0) return;
        sent_ += count;
    }
    (void)stream_.try_flush();  // has_unsent() says how far it went
}

std::optional<Bytes> Channel::receive(std::size_t bytes_max) {
    for (;;) {
        std::size_t wanted = sizeof(Size);
        if (received_ >= wanted) {
            Size size = 0;
            std::memcpy(&size, input_.data(), sizeof size);
            if (size > bytes_max)
                fail(ErrorCode::protocol, "{}: a message of {} bytes, where {} are the most",
                     stream_.peer(), size, bytes_max);
            wanted += size;
        }
        if (received_ == wanted && wanted > sizeof(Size)) {
            received_ = 0;
            Bytes message(input_.begin() + sizeof(Size),
                          input_.begin() + static_cast<std::ptrdiff_t>(wanted));
            input_.clear();
            return message;
        }
        input_.resize(wanted);
        const iovec room{input_.data() + received_, wanted - received_};
        const std::size_t count = stream_.try_read({&room, 1});
        if (count == 0) return std::nullopt;
        received_ += count;
    }
}

}  // namespace ipcrun
