// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What comes from one rank on another host, taken apart into frames. Short messages pass through a
/// buffer, many with one read; long ones are read straight to where they go.

#include <sys/uio.h>

#include <cstdint>
#include <memory>
#include <span>

#include "runtime/hosts/frame.hpp"
#include "runtime/stream/secure_stream.hpp"

namespace ipcrun {

class Inflow {
  public:
    /// Who hears what comes. What it throws comes out of advance().
    class Listener {
      public:
        /// A frame, with its body if it brings one. Not the one before a piece of a body.
        virtual void hear(const HostFrame& frame, std::span<const std::byte> body) = 0;
        /// A piece of `frame.bytes` begins.
        virtual void begin_piece(const HostFrame& frame) = 0;
        /// Where its next bytes belong: how many views; 0: nowhere.
        virtual std::size_t look(std::uint64_t number, std::span<iovec> views) = 0;
        /// So many have come there.
        virtual void advance(std::uint64_t number, std::size_t bytes) = 0;
        /// They have come, and lie elsewhere.
        virtual void put(std::uint64_t number, std::span<const std::byte> bytes) = 0;

      protected:
        ~Listener() = default;
    };

    Inflow();
    /// Takes in what has come, and not for ever: did anything? Throws what SecureStream::try_read
    /// throws, when what came before has been heard, and Error{protocol}.
    bool advance(SecureStream& stream, Listener& listener);

  private:
    static constexpr std::size_t buffer_bytes = 128 << 10;
    // Behind a piece of a body: the next header, and little that would be copied twice.
    static constexpr std::size_t behind_bytes = 4 << 10;
    static constexpr std::size_t advance_bytes_max = 4 << 20;

    std::size_t buffered() const { return end_ - begin_; }
    std::size_t read(SecureStream& stream, Listener& listener);
    void parse(Listener& listener);

    std::unique_ptr<std::byte[]> buffer_;
    std::size_t begin_ = 0, end_ = 0;
    std::uint64_t piece_number_ = 0;
    std::size_t piece_left_ = 0;
    bool is_drained_ = false;  // by the last read
};

}  // namespace ipcrun
