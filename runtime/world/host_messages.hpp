// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Messages between the members of a communicator of several hosts: through memory with those here,
/// over the streams with the others, and from any of them.

#include <list>
#include <memory>
#include <optional>
#include <span>
#include <vector>

#include "runtime/hosts/remote_mailbox.hpp"
#include "runtime/lookout.hpp"
#include "runtime/node_communicator.hpp"
#include "runtime/world/host_layout.hpp"
#include "runtime/world/wires.hpp"

namespace ipcrun {

/// A started operation whose end this side has to see to.
class HostRequest;
/// A receive that stands in line with others.
class HostReceive;

/// One member's messages, used by one thread at a time. The calls are those of Communicator.
class HostMessages {
  public:
    /// All outlive it.
    HostMessages(Wires& wires, const HostLayout& layout, NodeCommunicator& node,
                 std::uint32_t context);
    HostMessages(const HostMessages&) = delete;
    ~HostMessages();

    void send(std::span<const Part> parts, int to, int tag, Deadline deadline, CallSite site);
    Envelope receive(std::span<const Part> parts, int from, int tag, Deadline deadline,
                     CallSite site);
    Message receive_message(int from, int tag, Deadline deadline, CallSite site);
    Envelope probe(int from, int tag, Deadline deadline, CallSite site);
    std::optional<Envelope> test_message(int from, int tag, CallSite site);
    Request start_send(std::span<const Part> parts, int to, int tag, CallSite site);
    Request start_receive(std::span<const Part> parts, int from, int tag, CallSite site);
    void set_lag(std::size_t bytes);
    bool is_forsaken(int from) const;

    // What requests and waits are made of.

    /// Goes on with everything that was started, without waiting. Throws when a member here has
    /// failed.
    void advance();
    /// Until `is_done()`, called between advances: true; false when the deadline passes. `from`:
    /// whose messages `is_done` looks for itself, a member or any_source.
    template <typename IsDone>
    bool wait(Deadline deadline, IsDone is_done, std::optional<int> from = std::nullopt);
    /// Is something new here for those in line, or for who looks for messages of `from`? What
    /// others have sent stays where it is, and is not new.
    bool has_come_here(std::optional<int> from) const;
    /// Gives `receive` its place in line; see line_.
    void enter(HostReceive& receive) { line_.push_back(&receive); }
    void leave(HostReceive& receive) { line_.remove(&receive); }
    bool has_line() const { return !line_.empty(); }
    RemoteMailbox& remote() { return remote_; }
    NodeCommunicator& node() { return node_; }
    const HostLayout& layout() const { return layout_; }
    /// Whose messages will not come, and why.
    Error lost(const MessageCall& call) const;
    std::optional<Envelope> find(int from, int tag, CallSite site);
    Envelope renamed(Envelope envelope) const;
    std::string name_of(int member) const { return wires_.name_of(layout_.ranks[index(member)]); }

  private:
    static std::size_t index(int number) { return static_cast<std::size_t>(number); }
    void check_peer(const MessageCall& call) const;
    Request keep(std::shared_ptr<HostRequest> request);
    bool is_here(int member) const { return layout_.is_here(member); }
    bool goes_straight(int from) const { return from != any_source && line_.empty(); }
    void wait_in_line(HostReceive& receive, Deadline deadline);

    Wires& wires_;
    const HostLayout& layout_;
    NodeCommunicator& node_;
    RemoteMailbox remote_;
    // Receives that may be served from memory or from a stream, and those begun after them: each
    // takes the first message that matches and that none before it wants.
    std::list<HostReceive*> line_;
    bool looks_abroad_first_ = false;  // in turn, so that neither is left waiting
    std::uint32_t alert_seen_;
    std::vector<std::shared_ptr<HostRequest>> requests_;  // shared: with those who started them
    std::vector<Bell*> bells_;
};

template <typename IsDone>
bool HostMessages::wait(Deadline deadline, IsDone is_done, std::optional<int> from) {
    RemotePeers& peers = *wires_.peers();
    const Wires::Leaving leaving{wires_};
    for (;;) {
        const std::uint64_t news = peers.news();
        const std::uint32_t alert = node_.group.alert();
        if (alert != alert_seen_) {
            node_.group.waiter().report_if_asked();
            peers.look_for_ends();
            alert_seen_ = alert;
        }
        advance();
        if (is_done()) return true;
        const auto has_news = [&] {
            wires_.look();
            return peers.news() != news || has_come_here(from);
        };
        if (node_.group.waiter().wait(bells_, alert, deadline, has_news) == WaitResult::timed_out) {
            advance();
            return is_done();
        }
    }
}

}  // namespace ipcrun
