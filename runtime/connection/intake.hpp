// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What comes on a stream: frames, taken apart, and messages that nobody has received yet.

#include <array>
#include <cstdint>
#include <deque>
#include <memory>
#include <unordered_map>
#include <vector>

#include "runtime/parts_target.hpp"
#include "runtime/storage.hpp"
#include "runtime/stream/frame.hpp"
#include "runtime/stream/secure_stream.hpp"

namespace ipcrun {

/// What a message, by its first header, counts for the lag: something even when it is empty.
constexpr std::size_t link_lag_bytes_of(const FrameHeader& header) {
    const std::size_t bytes = header.note_bytes + header.body_bytes;
    return bytes < 64 ? 64 : bytes;
}
/// How far a sender may be ahead of its receiver.
constexpr std::size_t link_lag_bytes = 256ull << 20;

/// A message that has come, or is coming.
struct Inbound {
    FrameHeader header;
    std::vector<std::uint8_t> note;
    StoragePtr storage = {};     ///< the body, once somebody has decided that it goes here
    std::size_t have_bytes = 0;  ///< of the body, wherever they are
    std::uint64_t offer = 0;     ///< its number; 0: it never was one
    bool has_body = true;        ///< the body is under way, or here
    bool is_accepted = false;    ///< its body has been asked for
    bool sender_stays = false;   ///< see FrameKind::stay
    bool is_complete() const { return has_body && have_bytes == header.body_bytes; }
};

class Intake {
  public:
    explicit Intake(SecureStream& stream) : stream_(stream) {}

    /// Goes on by one frame, one read or a part of a body: false when nothing more is there now.
    /// Throws what SecureStream::try_read throws, and Error{protocol}.
    bool advance();
    /// Can advance() go on with what has been read, or with what wait() does not show?
    bool has_read_ahead() const;

    /// The first message with that tag, or null. Valid until it is removed, or withdrawn by its
    /// sender in advance().
    Inbound* first(int tag);
    /// Gives what it counted for the lag.
    std::size_t remove_first(int tag);
    /// The offer of the peer, or null.
    Inbound* offer() const { return offer_; }
    /// It is no more.
    void drop_offer();

    /// The message whose body is next in the stream, of which it is not known where it goes; or
    /// null. Nothing behind it can be read.
    Inbound* undecided() const;
    /// It goes to memory of its own. Throws Error{system} when there is none.
    void keep(Inbound& message);
    /// It goes straight to these parts, also what had been kept, until its end or leave_target().
    void lead_to(Inbound& message, PartsTarget& target);
    /// The same as `keep` for a message that is on its way to parts, if there is one.
    void leave_target();
    /// The stream has ended: what is not whole is nothing.
    void drop_incomplete();

    /// What the frames said that are no messages.
    struct Heard {
        std::size_t received_bytes = 0;  ///< all FrameKind::received together
        std::uint64_t accepted = 0;      ///< the last offer that was accepted
        bool goodbye = false;
    };
    const Heard& heard() const { return heard_; }
    /// Of messages that were not received, all together.
    std::size_t lag_bytes() const { return lag_bytes_; }

  private:
    // Enough for header, note and body of a small message, several of them when they come fast.
    static constexpr std::size_t read_ahead_bytes = 16 * 1024;

    std::size_t buffered() const { return end_ - begin_; }
    bool parse();
    void handle(const FrameHeader& header, std::span<const std::uint8_t> note);
    void begin(const FrameHeader& header, std::span<const std::uint8_t> note);
    void begin_body(const FrameHeader& header);
    void count(const Inbound& message);
    std::size_t look(std::span<iovec> views);
    void advance_body(std::size_t bytes);
    void take_buffered();
    bool read();

    SecureStream& stream_;
    std::unordered_map<int, std::deque<std::unique_ptr<Inbound>>> queues_;  // by tag
    Inbound* current_ = nullptr;     // whose body is next in the stream
    PartsTarget* target_ = nullptr;  // where it goes, when not to its storage
    Inbound* offer_ = nullptr;
    std::uint64_t offers_ = 0;
    std::size_t lag_bytes_ = 0;
    Heard heard_;
    std::array<std::uint8_t, read_ahead_bytes> buffer_;
    std::size_t begin_ = 0, end_ = 0;  // of what was read ahead
    bool is_short_ = true;             // what is there of it is no whole frame
};

}  // namespace ipcrun
