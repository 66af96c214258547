// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A rank that says what no correct one says.

#include <sys/socket.h>

#include <span>
#include <string>
#include <vector>

#include "runtime/hosts/frame.hpp"
#include "runtime/hosts/introduction.hpp"
#include "runtime/stream/dial.hpp"
#include "tests/hosts/hosts.hpp"

namespace ipcrun::testing {

/// Dials rank `to` of the world as if it were rank `from`, whoever `member` is. The rank that is
/// dialled goes on meanwhile.
class RawPeer {
  public:
    RawPeer(const Address& address, const JobSecret& secret, Introduction said,
            Introduction meant) {
        UniqueFd socket = connect_to(address, soon());
        const IntroductionBytes introduction = encode_introduction(said);
        check(::send(socket.get(), introduction.data(), introduction.size(), MSG_NOSIGNAL) == 16,
              "a few bytes fit into a socket");
        const std::string purpose = purpose_of(meant);
        DialOptions options;
        options.key.bytes = secret;
        options.purpose = purpose;
        stream_.emplace(shake_hands(std::move(socket), Role::client, options, "the rank", soon()));
        HostFrameBytes welcome;
        read(welcome);
        check(decode_host_frame(welcome).kind == HostFrameKind::welcome, "it is welcome");
    }

    void write(std::span<const std::uint8_t> bytes) {
        while (!bytes.empty()) {
            const iovec view{const_cast<std::uint8_t*>(bytes.data()), bytes.size()};
            const std::size_t count = stream_->try_write({&view, 1});
            bytes = bytes.subspan(count);
            if (count == 0) check(stream_->wait(false, true, soon()), "it reads");
        }
    }
    void write(const HostFrame& frame) { write(encode_host_frame(frame)); }
    void read(std::span<std::uint8_t> bytes) {
        while (!bytes.empty()) {
            const iovec view{bytes.data(), bytes.size()};
            const std::size_t count = stream_->try_read({&view, 1});
            bytes = bytes.subspan(count);
            if (count == 0) check(stream_->wait(true, false, soon()), "it writes");
        }
    }
    HostFrame read_frame() {
        HostFrameBytes bytes;
        read(bytes);
        return decode_host_frame(bytes);
    }
    void close() { stream_.reset(); }

  private:
    std::optional<SecureStream> stream_;
};

/// Goes on with a rank while the test talks to it.
class Carrier {
  public:
    explicit Carrier(std::shared_ptr<RemotePeers> peers)
        : thread_([this, peers = std::move(peers)] {
              while (!is_over_.load()) {
                  pollfd poll_fd{peers->fd(), POLLIN, 0};
                  (void)::poll(&poll_fd, 1, 5);
                  (void)peers->progress();
              }
          }) {}
    ~Carrier() {
        is_over_ = true;
        thread_.join();
    }

  private:
    std::atomic<bool> is_over_ = false;
    std::thread thread_;
};

}  // namespace ipcrun::testing
