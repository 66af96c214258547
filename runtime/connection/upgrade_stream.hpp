// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Messages of an upgrade on a stream, each behind its length. Nothing that follows one is read:
/// it may belong to the link.

#include <optional>

#include "runtime/stream/secure_stream.hpp"

namespace ipcrun {

/// Sends one message; no more than fits into the buffer of a fresh socket. Throws Error: peer_lost,
/// system, timeout.
void write_upgrade_message(SecureStream& stream, const Bytes& message, Deadline deadline);

/// Takes in one message, by and by.
class UpgradeReader {
  public:
    /// The message, once it is complete. Does not block. Throws Error: peer_lost, protocol.
    std::optional<Bytes> read(SecureStream& stream);
    /// Waits for it. Throws timeout, too.
    Bytes wait(SecureStream& stream, Deadline deadline);

  private:
    bool fill(SecureStream& stream, std::size_t size);

    std::optional<std::size_t> size_;
    Bytes bytes_;
    std::size_t filled_ = 0;
};

}  // namespace ipcrun
