// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How messages go between the two ends of a connection. One interface, three ways.

#include <cstdint>
#include <optional>
#include <span>
#include <string_view>

#include "base/deadline.hpp"
#include "runtime/message.hpp"
#include "runtime/part.hpp"

namespace ipcrun {

enum class LinkKind : std::uint8_t {
    process,  ///< both ends are in one process: memory that both address
    memory,   ///< on one host: memory that both map
    socket,   ///< bytes through the kernel
};
/// "process", "memory", "socket".
std::string_view name_of(LinkKind kind);

/// A message that is there, or on its way: what is known before it is received.
struct Arrival {
    std::size_t bytes = 0;
    Dtype dtype = Dtype::u8;
    /// Borrowed until the message is received.
    std::span<const std::uint8_t> note = {};
};

/// Used by one thread at a time. Each tag (0 or more) is a row of messages of its own, received in
/// the order of sending whatever happens with others. Calls throw Error:
///   usage      both ends wait in a send to each other, without deadlines, and neither receives
///   timeout    send: the message was not sent, and the link works on; unless part of it was under
///              way on a socket: then the link is lost, and the text says so
///   mismatch   receive: the message has another size or dtype. It stays.
///   peer_lost  the peer ended, closed, or cannot be reached any more: send at once; receive when
///              what it had sent has been received. The text says how.
///   protocol   it sent what no peer of ours sends; the link is lost.
class Link {
  public:
    virtual ~Link() = default;
    virtual LinkKind kind() const = 0;

    /// Sends the parts, side by side, with a `note` (note_bytes_max at most; may be empty) that the
    /// receiver reads first. Returns as soon as the parts may be changed. May run ahead of the
    /// receiver by 256 MiB; then, or with a longer message, it waits for it. While it waits it
    /// takes in what the peer sends, up to as much, so that two that send to each other go on.
    virtual void send(std::span<const std::uint8_t> note, std::span<const Part> parts, int tag,
                      Deadline deadline) = 0;

    /// Waits for the next message with that tag, and leaves it there; nullopt when the deadline
    /// passes (one that has passed makes it a test).
    virtual std::optional<Arrival> wait(int tag, Deadline deadline) = 0;

    /// Of a message that wait() has found: can it be received without waiting for more of it? Asks
    /// for what is missing, and takes in what has come. By memory the body need only have begun.
    virtual bool has_whole(int) { return true; }

    /// Is it known, without a look at the link, that the peer has ended or closed? What it had sent
    /// before may still be there.
    virtual bool has_peer_ended() const { return false; }

    /// Receives it straight into the parts. When the deadline passes in the middle of it, the
    /// message can be received again, the parts are undefined.
    virtual void receive_into(std::span<const Part> parts, int tag, Deadline deadline) = 0;
    /// Receives it into memory of its own, as elements of its dtype.
    virtual Message receive(int tag, Deadline deadline) = 0;

    /// Says goodbye as far as that needs no waiting; nothing but close() may follow. So the
    /// goodbyes of many are on their way before the first of them waits.
    virtual void say_goodbye() noexcept {}
    /// Says goodbye: the peer gets what was sent before, then peer_lost. Every later call here
    /// throws usage. Does not block for longer than 1 s from the first goodbye on.
    virtual void close() noexcept = 0;
};

}  // namespace ipcrun
