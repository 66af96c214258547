// SPDX-License-Identifier: Apache-2.0
#pragma once
/// An encrypted stream as records, in memory: a header of libsodium's secretstream once, then each
/// record as its length (4 bytes, authenticated) and that many bytes of plain text, sealed.

#include <sodium.h>
#include <sys/uio.h>

#include <cstddef>
#include <span>
#include <string_view>

#include "base/bytes.hpp"
#include "runtime/stream/key.hpp"

namespace ipcrun {

constexpr std::size_t record_bytes_max = 64 << 10;

/// A place in a row of buffers.
class Cursor {
  public:
    explicit Cursor(std::span<const iovec> buffers);
    std::size_t bytes_left() const { return left_; }
    /// What is left of the buffer in which the place is; not empty unless all is over.
    std::span<std::uint8_t> piece() const;
    void advance(std::size_t bytes);
    void copy_out(std::uint8_t* to, std::size_t bytes);
    void copy_in(const std::uint8_t* from, std::size_t bytes);

  private:
    std::span<const iovec> buffers_;
    std::size_t offset_ = 0;  // in the first
    std::size_t left_ = 0;
};

class RecordSealer {
  public:
    explicit RecordSealer(const Key& key);
    RecordSealer(const RecordSealer&) = delete;
    ~RecordSealer();
    /// Appends a record of what `from` has, as much as fits into one: how many bytes.
    std::size_t seal(Cursor& from, Bytes& to);

  private:
    crypto_secretstream_xchacha20poly1305_state state_;
    Bytes plain_;   // of pieces that are too small to be sealed where they lie
    Bytes header_;  // until it has been sent
};

class RecordOpener {
  public:
    explicit RecordOpener(const Key& key);
    RecordOpener(const RecordOpener&) = delete;
    ~RecordOpener();
    /// Where the next bytes of the stream belong; then added() says how many have come.
    iovec room();
    void added(std::size_t bytes) { end_ += bytes; }
    /// Gives what can be given: how many bytes. Throws Error{protocol}, now and at every later
    /// call, when a record is not what was sealed; `peer` is for its text.
    std::size_t open(Cursor& to, std::string_view peer);
    /// Can open() give more without more bytes?
    bool has_more() const;

  private:
    std::span<const std::uint8_t> sealed() const {
        return {buffer_.data() + begin_, end_ - begin_};
    }
    void start(std::string_view peer);
    std::size_t record_bytes() const;
    bool unseal(std::size_t bytes, std::uint8_t* to);

    Key key_;
    bool has_started_ = false;
    crypto_secretstream_xchacha20poly1305_state state_;
    Bytes buffer_;  // sealed bytes lie in [begin_, end_)
    std::size_t begin_ = 0, end_ = 0;
    Bytes plain_;  // of a record that did not fit; given so far: plain_begin_
    std::size_t plain_begin_ = 0;
};

}  // namespace ipcrun
