// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A link over a stream of bytes: between hosts, or where memory cannot be shared.

#include <chrono>
#include <optional>
#include <string>

#include "runtime/connection/intake.hpp"
#include "runtime/connection/link.hpp"
#include "runtime/connection/outlet.hpp"
#include "runtime/connection/patience.hpp"

namespace ipcrun {

struct LinkCall;

/// Whoever is in a call takes in all that comes, within the lag: so nothing is stuck behind
/// something else, and who is not heard is not in a call.
class SocketLink final : public Link {
  public:
    explicit SocketLink(SecureStream stream);
    ~SocketLink() override;

    LinkKind kind() const override { return LinkKind::socket; }
    void send(std::span<const std::uint8_t> note, std::span<const Part> parts, int tag,
              Deadline deadline) override;
    std::optional<Arrival> wait(int tag, Deadline deadline) override;
    bool has_whole(int tag) override;
    void receive_into(std::span<const Part> parts, int tag, Deadline deadline) override;
    Message receive(int tag, Deadline deadline) override;
    void say_goodbye() noexcept override;
    void close() noexcept override;

    /// Not once it is closed; nor is its descriptor.
    const SecureStream& stream() const { return *stream_; }
    int fd() const { return stream_->fd(); }
    /// Could is_ready() find something though the socket does not show as readable?
    bool has_read_ahead() const { return stream_ && intake_.has_read_ahead(); }
    /// Is something still here that could leave once the socket can be written?
    bool has_unsent() const { return stream_ && !outlet_.is_empty(); }

    /// Is there a message with that tag, or will none come any more? Takes in what has come, and
    /// does not wait.
    bool is_ready(int tag);
    /// The same of what has been taken in.
    bool has_ready(int tag);
    /// For who waits elsewhere: is the peer's host still there?
    void look_for_end();

  private:
    void check_call(const LinkCall& call, std::span<const std::uint8_t> note = {}) const;
    bool step();
    void take_in();
    bool idle(bool wants_to_write, Deadline deadline);
    void flush();
    void end_by(const Error& error);
    void linger(Deadline until) const;
    [[noreturn]] void fail_ended(const LinkCall& call) const;

    // `charge`: what a message counts for the lag.
    bool has_room(std::size_t charge) const;
    bool is_stuck(std::size_t charge) const;
    bool push(Outlet::Frame& frame);
    void send_frame(const LinkCall& call, const FrameHeader& header,
                    std::span<const std::uint8_t> note, std::span<const Part> parts,
                    Deadline deadline);
    void send_offer(const LinkCall& call, FrameHeader header, std::span<const std::uint8_t> note,
                    std::span<const Part> parts, Deadline deadline);
    bool await_room(const LinkCall& call, std::size_t charge, std::uint64_t number,
                    Deadline deadline);
    void take_back_offer(std::size_t begin);

    Inbound* await(const LinkCall& call, Deadline deadline);
    void ask_for_body(Inbound& message);
    bool await_body(const LinkCall& call, Deadline deadline);
    Inbound* complete(const LinkCall& call, PartsTarget* target, Deadline deadline);
    void retreat() noexcept;
    void remove_received(int tag);
    void tell_received();

    // Of what was received and the peer has not been told of.
    static constexpr std::size_t credit_step_bytes = 16 << 20;
    // How often who sends looks for what has come: to look costs as much as to send.
    static constexpr std::chrono::microseconds sender_look_interval{10};

    std::optional<SecureStream> stream_;
    Intake intake_;
    Outlet outlet_;
    SpinPatience patience_;
    Clock::time_point last_look_ = {};
    std::size_t sent_bytes_ = 0;    // that count for the lag, all together
    std::size_t untold_bytes_ = 0;  // received, and the peer has not been told
    std::uint64_t offers_ = 0;      // that were made
    std::optional<Error> end_;      // of the stream: how
    // Made while there is memory.
    const Error no_memory_{ErrorCode::system, "receive: there is no memory for the next message"};
    const Error broken_off_{
        ErrorCode::peer_lost,
        "the connection is lost: a message that was sent before broke off in the middle"};
    std::optional<Deadline> goodbye_until_;
};

}  // namespace ipcrun
