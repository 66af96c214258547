// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Whole messages over an authenticated stream, without waiting: four bytes of size, then so many.

#include <cstdint>
#include <optional>

#include "base/bytes.hpp"
#include "runtime/stream/secure_stream.hpp"

namespace ipcrun {

class Channel {
  public:
    explicit Channel(SecureStream stream) : stream_(std::move(stream)) {}

    const SecureStream& stream() const { return stream_; }
    /// Sends it as far as that goes now; see has_unsent().
    void send(std::span<const std::uint8_t> message);
    bool has_unsent() const;
    void flush();
    /// The next message, if all of it is here. Throws Error: protocol when it is longer than
    /// `bytes_max`, peer_lost.
    std::optional<Bytes> receive(std::size_t bytes_max);

  private:
    SecureStream stream_;
    Bytes output_;
    std::size_t sent_ = 0;
    Bytes input_;
    std::size_t received_ = 0;
};

}  // namespace ipcrun
