// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How two ends of a new connection prove to each other that they have the same key, as bytes that
/// come and go: no socket, no clock.
///
///     client  hello: magic, version, flags, 32 random bytes, an ephemeral public key (X25519)
///     server  hello: the same; or a refusal, and closes
///     client  proof: keyed hash, by the shared key, of its role and both hellos
///     server  proof: the same; or a refusal, and closes
///
/// All messages have fixed sizes. Nothing that a stranger sends is looked at but for its size, its
/// magic, version and flags. The keys of the session come from the shared key, both ephemeral ones
/// and both hellos: what was recorded is of no use later, neither to get in (hellos are random)
/// nor, with the shared key, to read what was encrypted. Cryptography is libsodium's.

#include <cstdint>
#include <memory>
#include <optional>
#include <span>
#include <string>

#include "base/bytes.hpp"
#include "runtime/stream/key.hpp"

namespace ipcrun {

/// Version of everything that follows the magic, frames included.
constexpr std::uint16_t stream_version = 1;

enum class Role : std::uint8_t { client, server };

/// What two ends that trust each other have in common.
struct Session {
    Key send_key, receive_key;  ///< of the cipher, by direction
    Key secret;                 ///< known to these two alone: for proofs elsewhere
    bool is_encrypted = false;  ///< one of them wished so
};

class Handshake {
  public:
    /// `purpose` keeps apart what must not be connected though its key is the same; equal on both
    /// ends ("ipc", "door"). Throws Error{system} when there are no random numbers.
    Handshake(Role role, const Key& key, bool wants_encryption, std::string_view purpose);
    ~Handshake();
    Handshake(const Handshake&) = delete;

    /// Bytes to be sent now; each is given once. Also what tells the peer why it was refused.
    Bytes take_output();
    /// How many bytes are missing before the next step; 0 when it is done. Whoever reads takes no
    /// more, for what follows belongs to the session.
    std::size_t wants() const;
    /// As many bytes as wants() says. Throws Error: protocol (no peer of ours: garbage; another
    /// version, naming both; another byte order), config (another key, or the peer said why it
    /// refuses). After an error there may be output that is to be sent, as far as that does not
    /// block.
    void consume(std::span<const std::uint8_t> bytes);
    /// Once wants() is 0.
    const Session& session() const;

  private:
    struct Impl;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipcrun
