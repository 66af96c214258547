// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a user holds of a connection: it can be closed, while a tree goes on with what is below.

#include <atomic>
#include <cstdint>
#include <memory>
#include <mutex>
#include <optional>
#include <span>
#include <string>

#include "bindings/lua/threads/household.hpp"
#include "runtime/connection/connection.hpp"

namespace ipcrun::lua {

/// Tag of the messages of send and recv.
constexpr int user_tag = 0;

/// Any thread may ask and close; messages are for one thread at a time.
class Endpoint final : public EndsWithProgram {
  public:
    /// `number`: its place among those of a server, by arrival.
    explicit Endpoint(std::shared_ptr<Connection> connection, std::uint64_t number = 0);
    Endpoint(const Endpoint&) = delete;

    /// As of Connection, with the user's tag; `operation` begins the text of errors ("recv"). That
    /// the peer is gone is told by "remote peer disconnected".
    void send(const char* operation, std::span<const std::uint8_t> note,
              std::span<const Part> parts, Deadline deadline);
    /// Throws also when time is over.
    Arrival wait(const char* operation, Deadline deadline);
    std::optional<Arrival> look(const char* operation);
    /// Connection::wait_or_receive(); throws also when time is over.
    Connection::Found wait_or_receive(const char* operation, std::span<std::uint8_t> room,
                                      Deadline deadline);
    /// Of a message that was found: is all of it there, or as good as there?
    bool has_whole(const char* operation);
    void receive_into(const char* operation, std::span<const Part> parts, Deadline deadline);
    Message receive(const char* operation, Deadline deadline);

    /// The connection for who uses it beside the user. While such a share lives, close() only tells
    /// the peer's user; the last one closes it then. It ends with the program though the user holds
    /// this no more. Throws Error{usage} after close().
    std::shared_ptr<Connection> lend(Household& household);
    /// For those who only wait for something on it.
    Connection& connection() { return *connection_; }
    const Connection& connection() const { return *connection_; }

    void close() noexcept;
    /// The same but for the wait; see Connection.
    void begin_close() noexcept;
    void begin_end() noexcept override;
    void end() noexcept override;
    bool is_closed() const { return is_closed_.load(); }
    /// Closed here or there, or lost: nothing will come any more.
    bool is_gone() const { return is_closed() || is_lost_.load(); }

    /// Nothing can be sent any more; something that came before may still be there.
    bool has_peer_gone() const { return is_gone() || connection_->has_peer_gone(); }

    std::uint64_t number() const { return number_; }
    std::int64_t id() const { return id_.load(); }
    void set_id(std::int64_t id) { id_ = id; }
    /// None at first.
    std::optional<std::string> tag() const;
    void set_tag(std::string tag);

  private:
    struct Lease;
    template <typename Work>
    auto guarded(const char* operation, Work work);
    void check_open(const char* operation) const;
    template <typename Search>
    auto found(const char* operation, Search search);
    std::optional<Arrival> find(const char* operation, Deadline deadline);
    [[noreturn]] void fail_late(const char* operation) const;

    const std::shared_ptr<Connection> connection_;
    const std::uint64_t number_;
    std::atomic<std::int64_t> id_ = 0;
    std::atomic<bool> is_closed_ = false;
    std::atomic<bool> is_ending_ = false;
    std::atomic<bool> is_lost_ = false;
    mutable std::mutex mutex_;  // of what follows
    std::optional<std::string> tag_;
    std::weak_ptr<Lease> lease_;
    bool is_left_to_lease_ = false;  // it closes the connection
};

}  // namespace ipcrun::lua
