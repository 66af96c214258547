// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Bytes between two ends that have proved who they are; encrypted and authenticated if they agreed
/// on it (libsodium's secretstream: records of up to 64 KiB), else as they are.

#include <sys/uio.h>

#include <cstddef>
#include <memory>
#include <span>
#include <string>

#include "base/deadline.hpp"
#include "base/unique_fd.hpp"
#include "runtime/stream/handshake.hpp"

namespace ipcrun {

/// Used by one thread at a time. No call blocks but wait(). `peer`, in errors, names the other end:
/// "10.0.0.2:41000", "server node7:8080".
class SecureStream {
  public:
    /// `socket`: a stream socket, non-blocking from now on.
    SecureStream(UniqueFd socket, const Session& session, std::string peer);
    ~SecureStream();
    SecureStream(SecureStream&&) noexcept;
    SecureStream& operator=(SecureStream&&) noexcept;

    int fd() const;
    const std::string& peer() const;
    bool is_encrypted() const;
    const Key& secret() const;  ///< Session::secret

    /// Takes as many bytes of the buffers as can go now: how many; 0 when the socket is full. What
    /// is taken may not have left yet: see has_unsent(). Throws Error: peer_lost (the peer is gone:
    /// how), system.
    std::size_t try_write(std::span<const iovec> buffers);
    /// Is something that was taken still here, for lack of room in the socket? try_flush() sends
    /// it as far as that goes: true when nothing is left.
    bool has_unsent() const;
    bool try_flush();

    /// Fills the buffers with what has come: how many bytes; 0 when nothing is there now. Throws
    /// Error: peer_lost at the end of the stream, protocol (bytes were changed on the way).
    std::size_t try_read(std::span<const iovec> buffers);
    /// Can try_read() give something that the socket does not show as readable any more?
    bool has_read_ahead() const;

    /// Waits until the socket can be read or (if asked) written; false when the deadline passes.
    /// Throws Error{peer_lost} when the other host has vanished: see has_vanished(), which whoever
    /// waits in another way asks every other second, and then shuts the socket down.
    bool wait(bool readable, bool writable, Deadline deadline) const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipcrun
