// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What leaves on a stream: frames, and the small ones that wait for room.

#include <cstdint>
#include <span>
#include <vector>

#include "runtime/parts_source.hpp"
#include "runtime/stream/frame.hpp"
#include "runtime/stream/secure_stream.hpp"

namespace ipcrun {

class Outlet {
  public:
    explicit Outlet(SecureStream& stream) : stream_(stream) {}

    /// Adds a frame that has no body, to leave before the next message, or by flush().
    void add(const FrameHeader& header, std::span<const std::uint8_t> note = {});

    /// How much of what was added is here, sent or not: take_back() drops what has been added
    /// since, unless a part of it has left: false.
    std::size_t waiting_bytes() const { return waiting_.size(); }
    bool take_back(std::size_t waiting_bytes);

    /// Sends what was added, as far as that goes: true when nothing is left, here or in the stream.
    /// Throws what SecureStream::try_write throws.
    bool flush();
    bool is_empty() const { return sent_ == waiting_.size() && !stream_.has_unsent(); }

    /// A frame on its way, with all that was added before it. Nothing is added while one lives.
    class Frame {
      public:
        Frame(Outlet& outlet, const FrameHeader& header, std::span<const std::uint8_t> note,
              std::span<const Part> parts);
        Frame(const Frame&) = delete;
        ~Frame();
        /// As far as it goes: true when all of it has left. Throws what try_write throws.
        bool advance();
        /// Has a part of it left?
        bool has_begun() const;

      private:
        Outlet& outlet_;
        PartsSource source_;
        std::size_t head_begin_;  // of header and note in waiting_
        bool is_head_sent_ = false;
        std::size_t body_left_;
    };

  private:
    void sent(std::size_t bytes);

    SecureStream& stream_;
    std::vector<std::uint8_t> waiting_;
    std::size_t sent_ = 0;  // of waiting_
};

}  // namespace ipcrun
