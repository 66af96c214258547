// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What leaves for one rank on another host: frames in their order, and bodies of long messages, a
/// piece of each in turn, between them.

#include <array>
#include <cstdint>
#include <list>
#include <span>
#include <vector>

#include "runtime/hosts/frame.hpp"
#include "runtime/parts_source.hpp"
#include "runtime/stream/secure_stream.hpp"

namespace ipcrun {

class Outflow {
  public:
    /// Adds a frame with its body, to leave by flush().
    void add(const HostFrame& frame, std::span<const Part> parts = {});
    /// The same; what can leave at once does, straight from the parts. Throws what
    /// SecureStream::try_write throws.
    void send(SecureStream& stream, const HostFrame& frame, std::span<const Part> parts = {});

    /// The parts of announcement `number`, all together `bytes`, borrowed until it has left.
    void add_body(std::uint64_t number, std::span<const Part> parts, std::uint64_t bytes);

    /// Sends what is here, as far as that goes without waiting, and not for ever: false when it is
    /// to be called again. Calls `sent(number)` for each body of which all has left. Throws as
    /// above.
    template <typename Sent>
    bool flush(SecureStream& stream, Sent sent) {
        for (std::size_t bytes = 0; bytes < flush_bytes_max;) {
            if (stream.has_unsent() && !stream.try_flush()) return false;
            if (is_empty()) return true;
            const std::size_t written = write(stream);
            if (written == 0) return false;
            bytes += written;
            if (finished_ == 0) continue;
            sent(finished_);
            finished_ = 0;
        }
        return is_empty() && !stream.has_unsent();
    }
    bool is_empty() const { return waiting_.empty() && bodies_.empty(); }
    /// Of frames, that could not leave yet.
    std::size_t waiting_bytes() const { return waiting_.size() - sent_; }
    /// Forgets everything, the parts too.
    void clear();

  private:
    struct Body {
        std::uint64_t number;
        PartsSource source;
        std::uint64_t left;
    };
    static constexpr std::size_t views_max = 64;
    static constexpr std::size_t flush_bytes_max = 4 << 20;

    std::size_t write(SecureStream& stream);
    void written_waiting(std::size_t bytes);
    void written_piece(std::size_t bytes);

    std::vector<std::uint8_t> waiting_;
    std::size_t sent_ = 0;      // of waiting_
    std::list<Body> bodies_;    // the first is next
    HostFrameBytes lead_ = {};  // before the piece that is leaving
    std::size_t lead_sent_ = 0;
    std::size_t piece_left_ = 0;
    bool is_in_piece_ = false;  // a part of it has left, so nothing may come between
    std::uint64_t finished_ = 0;
};

}  // namespace ipcrun
