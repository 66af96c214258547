// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What this rank has with one rank on another host: the stream, once there is one, and what goes
/// and comes on it.

#include <chrono>
#include <list>
#include <optional>
#include <string>
#include <unordered_map>
#include <utility>
#include <vector>

#include "base/deadline.hpp"
#include "runtime/hosts/fabric_use.hpp"
#include "runtime/hosts/inflow.hpp"
#include "runtime/hosts/outflow.hpp"
#include "runtime/hosts/poller.hpp"
#include "runtime/hosts/remote_contexts.hpp"
#include "runtime/hosts/remote_sending.hpp"

namespace ipcrun {

/// How far a sender may be ahead of its receiver, in each communicator.
constexpr std::size_t remote_lag_bytes_max = 256 << 20;
/// What a message counts for the lag at least; and an announcement.
constexpr std::size_t remote_charge_min = 128;

/// All calls under the mutex of the peers. Nothing throws but read(), write() and what has to do
/// with memory: what breaks while something is sent is an error at the next read().
class HostPeer final : public MessageOrigin, private Inflow::Listener {
  public:
    /// `name`: "rank 5 on host h2".
    HostPeer(int rank, std::string name, Poller& poller, RemoteContexts& contexts,
             FabricUse& fabric)
        : rank_(rank),
          name_(std::move(name)),
          poller_(poller),
          contexts_(contexts),
          fabric_(fabric) {}
    HostPeer(const HostPeer&) = delete;

    int rank() const { return rank_; }
    const std::string& name() const { return name_; }
    bool has_stream() const { return stream_.has_value(); }
    int fd() const { return stream_->fd(); }
    const std::optional<Error>& end() const { return end_; }
    bool has_unsent() const { return !out_.is_empty() || (stream_ && stream_->has_unsent()); }
    bool is_broken() const { return broken_.has_value(); }
    /// Has something come since this was asked for the last time?
    bool has_come() { return std::exchange(has_come_, false); }

    /// What was said before leaves now. `says_welcome`: the peer has dialled.
    void establish(SecureStream stream, bool says_welcome);
    /// Takes in what has come. Throws why the stream ends.
    void read();
    /// Sends what could not leave before.
    void write();
    /// Nothing goes or comes any more: for all who wait.
    void end_by(const Error& why);
    void say_goodbye();

    void start(RemoteSending& sending, std::span<const Part> parts);
    /// False when the receiver is already getting it.
    bool take_back(RemoteSending& sending);

    /// The mailbox of a communicator is made, or is no more.
    void open(std::uint32_t context);
    void close(std::uint32_t context);
    void set_lag(std::uint32_t context, std::size_t bytes);

    void fetch(RemoteMessage& message) override;
    void release(const RemoteMessage& message) override;
    void abandon(const RemoteMessage& message) override;
    void halt(RemoteMessage& message) override;
    void break_off(const Error& error) override;

    /// Some transfer of the fabric has ended, or the fabric.
    void look_at_flights();
    /// Has one not ended for long that nothing depends on any more?
    bool has_stuck_flight(Clock::time_point now) const;

  private:
    // Of one communicator.
    struct Flow {
        std::uint32_t context;
        RemoteContext* receivers = nullptr;
        bool is_open = false;                    // its mailbox is made here
        std::size_t lag = remote_lag_bytes_max;  // of what is sent
        std::size_t ahead = 0;                   // sent, and the peer has not received it
        std::list<RemoteSending*> held = {};
        bool is_asking = false;  // for credit
        std::size_t here = 0;    // has come, and nobody has received it
        std::size_t untold = 0;  // received, and the peer has not been told
        bool is_asked = false;   // for credit
        std::optional<Error> left = {};
    };
    // A body that is to come.
    struct Incoming {
        RemoteMessage* message;  // null: nobody wants it any more
        std::uint64_t left;
        bool is_offered = false;    // it may be pulled
        bool is_requested = false;  // by the stream
    };
    // A body that comes by fabric.
    struct Pull {
        FabricUse::Flight flight;
        std::uint64_t tag;
        RemoteMessage* message;   // null: nobody wants it any more
        StoragePtr storage = {};  // which it comes to then
    };
    // A body that leaves by fabric, and may have to leave by the stream after all.
    struct Push {
        PartsSource source;
        std::optional<FabricUse::Flight> flight = {};
        bool is_requested = false;  // by the stream
        bool is_needed = true;      // it has not arrived, nor left by the stream
        Clock::time_point since = {};
    };
    using Pulls = std::unordered_map<std::uint64_t, Pull>;

    void hear(const HostFrame& frame, std::span<const std::byte> body) override;
    void begin_piece(const HostFrame& frame) override;
    std::size_t look(std::uint64_t number, std::span<iovec> views) override;
    void advance(std::uint64_t number, std::size_t bytes) override;
    void put(std::uint64_t number, std::span<const std::byte> bytes) override;
    RemoteMessage* find_coming(std::uint64_t number);
    void check_whole(std::uint64_t number, RemoteMessage& message);

    void hear_message(const HostFrame& frame, std::span<const std::byte> body);
    void hear_request(const HostFrame& frame);
    void hear_fabric(std::span<const std::byte> body);
    void hear_pull(const HostFrame& frame);
    void hear_arrival(const HostFrame& frame);
    void hear_retreat();
    void hear_withdrawal(const HostFrame& frame);
    void hear_credit(const HostFrame& frame);
    void hear_held(const HostFrame& frame);
    void hear_leave(const HostFrame& frame);

    void introduce_fabric();
    bool can_offer(const RemoteSending& sending) const;
    bool pull(RemoteMessage& message, Incoming& item);
    Pulls::node_type stop_pull(std::uint64_t number);
    void land(Pulls::node_type pull);
    void request(std::uint64_t number);
    void stop_pulls();
    void stop_pushes();
    void retreat();
    void has_left(std::uint64_t number);
    void release_push(std::uint64_t number, Push& push);
    void finish_sending(std::uint64_t number);

    void announce(RemoteSending& sending);
    Flow& flow_of(std::uint32_t context);
    void count(Flow& flow, std::size_t bytes);
    void tell_received(Flow& flow);
    bool has_room(const Flow& flow, std::size_t bytes) const;
    void let_go(Flow& flow);
    void release_held(Flow& flow);
    void send(const HostFrame& frame, std::span<const Part> parts = {});
    void watch_output();

    int rank_;
    std::string name_;
    Poller& poller_;
    RemoteContexts& contexts_;
    FabricUse& fabric_;
    std::optional<SecureStream> stream_;
    std::optional<Inflow> in_;
    Outflow out_;
    bool is_watching_output_ = false;
    Counted output_;
    bool has_said_goodbye_ = false;
    bool has_come_ = false;
    std::optional<Error> broken_;  // while something was sent
    std::optional<Error> end_;
    std::unordered_map<std::uint32_t, Flow> flows_;
    std::size_t unopened_flows_ = 0, unopened_bytes_ = 0;
    std::uint64_t announced_ = 0, heard_announcements_ = 0;
    std::unordered_map<std::uint64_t, RemoteSending*> announcements_;  // not done
    std::unordered_map<std::uint64_t, Incoming> incoming_;
    bool has_heard_fabric_ = false;
    std::optional<std::uint64_t> fabric_peer_;  // its number; none: all goes by the stream
    Pulls pulls_;                               // by announcement
    std::unordered_map<std::uint64_t, Push> pushes_;
};

}  // namespace ipcrun
