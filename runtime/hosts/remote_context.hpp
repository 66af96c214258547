// SPDX-License-Identifier: Apache-2.0
#pragma once
/// The messages of one communicator that come from other hosts: who gets which. Also of one that
/// this rank has not made yet, while others have.

#include <cstdint>
#include <functional>
#include <optional>
#include <span>
#include <unordered_map>
#include <vector>

#include "base/error.hpp"
#include "runtime/hosts/frame.hpp"
#include "runtime/hosts/remote_counts.hpp"
#include "runtime/hosts/remote_message.hpp"
#include "runtime/hosts/remote_receiving.hpp"

namespace ipcrun {

/// All calls under the mutex of the peers.
class RemoteContext {
  public:
    RemoteContext(std::uint32_t id, RemoteCounts& counts) : id_(id), counts_(counts) {}

    /// Its mailbox is made: `members` are ranks of the job, those in `remote` on other hosts.
    void open(std::vector<int> members, const std::vector<int>& remote);
    /// Called whenever those who wait here may care for something.
    void on_news(std::function<void(bool has_ended)> listener) { listener_ = std::move(listener); }
    bool is_open() const { return !members_.empty(); }
    /// Nobody receives here any more. Throws away what nobody has received.
    void close();
    const std::vector<int>& members() const { return members_; }
    bool has_member(int source) const { return member_of_.contains(source); }
    int member_of(int source) const { return member_of_.at(source); }

    /// A message with its body: true when somebody has received it.
    bool hear(MessageOrigin& origin, int source, const HostFrame& frame,
              std::span<const std::byte> body);
    /// One whose body is still there; valid until it is whole, or removed.
    RemoteMessage* announce(MessageOrigin& origin, int source, const HostFrame& frame);
    void withdraw(RemoteMessage& message);
    /// Its body has come.
    void complete(RemoteMessage& message);
    /// Nothing more comes from this rank, and why.
    void end(int source, const Error& why);
    /// The body of one that somebody waits for will not come.
    void lose(RemoteMessage& message, const Error& why);

    /// In line: it gets the first message that matches and that none before it wants.
    void start(RemoteReceiving& receiving);
    void drop(RemoteReceiving& receiving);

    std::optional<Envelope> find(int source, int tag) const;
    const Error* end_of(int source) const;
    bool is_forsaken(int source) const;

  private:
    using MessagePtr = std::unique_ptr<RemoteMessage>;
    using Line = std::vector<RemoteReceiving*>;

    Envelope envelope_of(const RemoteMessage& message) const;
    RemoteReceiving* claim(int source, const Envelope& envelope);
    void place(MessagePtr message);
    bool give(MessagePtr& message, RemoteReceiving& receiving);
    bool serve(RemoteReceiving& receiving);
    void stand_in_line(RemoteReceiving& receiving, Line::const_iterator place);
    Error ended(const RemoteReceiving& receiving) const;
    bool is_ended(int source) const;
    void note(bool has_ended = false) {
        ++counts_.news;
        if (listener_) listener_(has_ended);
    }

    std::uint32_t id_;
    RemoteCounts& counts_;
    std::function<void(bool)> listener_;
    std::vector<int> members_;                // none: there is no mailbox
    std::unordered_map<int, int> member_of_;  // by rank in the job
    std::vector<int> remote_;
    Line line_;  // the first first
    RemoteUnexpected unexpected_;
    std::unordered_map<int, Error> ends_;  // by rank in the job
    std::uint64_t arrivals_ = 0, receives_ = 0;
};

}  // namespace ipcrun
