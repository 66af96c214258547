// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/remote_mailbox.hpp"

#include "base/fail.hpp"
#include "runtime/hosts/remote_peers_impl.hpp"

namespace ipcrun {

struct RemoteMailbox::Impl {
    std::shared_ptr<RemotePeers> peers;  // shared: by all mailboxes of a process
    std::uint32_t context_id;
    RemoteContext* context = nullptr;
    std::vector<HostPeer*> others;  // by member; null: on this host
    Counted expects_news;

    RemotePeers::Impl& net() const { return peers->impl(); }
    HostPeer& other(int member, std::string_view call) const {
        const bool is_member = member >= 0 && static_cast<std::size_t>(member) < others.size();
        if (!is_member || others[static_cast<std::size_t>(member)] == nullptr)
            fail(ErrorCode::usage, "{}: no rank {} is on another host", call, member);
        return *others[static_cast<std::size_t>(member)];
    }
    int source_of(int from, std::string_view call) const {
        return from == any_source ? any_source : other(from, call).rank();
    }
};

RemoteMailbox::RemoteMailbox(std::shared_ptr<RemotePeers> peers, std::uint32_t context,
                             std::vector<int> members, int rank)
    : impl_(std::make_unique<Impl>()) {
    impl_->peers = std::move(peers);
    impl_->context_id = context;
    RemotePeers::Impl& net = impl_->net();
    const std::lock_guard lock(net.mutex);
    check(!net.contexts.is_open(context) && !net.contexts.is_closed(context),
          "two communicators of one number");
    check(rank >= 0 && static_cast<std::size_t>(rank) < members.size() &&
              members[static_cast<std::size_t>(rank)] == net.options.rank,
          "a mailbox of somebody else");
    std::vector<int> remote;
    for (const int member : members) {
        HostPeer* const other = net.is_remote(member) ? &net.peer(member) : nullptr;
        impl_->others.push_back(other);
        if (other != nullptr) remote.push_back(member);
    }
    impl_->context = net.contexts.find(context);
    impl_->context->open(std::move(members), remote);
    for (HostPeer* const other : impl_->others)
        if (other != nullptr) other->open(context);
}

RemoteMailbox::~RemoteMailbox() {
    RemotePeers::Impl& net = impl_->net();
    // In a child after fork() all of it belongs to the parent.
    if (!net.fork_guard.is_ours()) return;
    const std::lock_guard lock(net.mutex);
    net.contexts.close(impl_->context_id);
    for (HostPeer* const other : impl_->others)
        if (other != nullptr) other->close(impl_->context_id);
}

std::unique_ptr<RemoteMailbox::Sending> RemoteMailbox::start_send(std::span<const Part> parts,
                                                                  int to, int tag) {
    HostPeer& other = impl_->other(to, "send");
    if (tag < 0) fail(ErrorCode::usage, "send(to rank {}, tag {}): tags are 0 or more", to, tag);
    RemotePeers::Impl& net = impl_->net();
    auto sending = std::make_unique<RemoteSending>(net, parts, to, tag, impl_->context_id);
    const std::lock_guard lock(net.mutex);
    other.start(*sending, parts);
    net.reach(other);
    return sending;
}

std::unique_ptr<RemoteMailbox::Receiving> RemoteMailbox::start_receive(
    std::optional<std::span<const Part>> parts, int from, int tag) {
    const RemoteWish wish{from, impl_->source_of(from, "receive"), tag};
    if (tag < any_tag) fail(ErrorCode::usage, "{}: tags are 0 or more", wish.describe());
    RemotePeers::Impl& net = impl_->net();
    auto receiving =
        std::make_unique<RemoteReceiving>(net.mutex, net.fork_guard, *impl_->context, wish, parts);
    const std::lock_guard lock(net.mutex);
    impl_->context->start(*receiving);
    // So that the end of its host is noticed.
    if (from != any_source && !receiving->is_done()) net.reach(impl_->other(from, "receive"));
    return receiving;
}

std::optional<Envelope> RemoteMailbox::find(int from, int tag) {
    const int source = impl_->source_of(from, "probe");
    RemotePeers::Impl& net = impl_->net();
    const std::lock_guard lock(net.mutex);
    const auto found = impl_->context->find(source, tag);
    if (!found && from != any_source) net.reach(impl_->other(from, "probe"));
    return found;
}

bool RemoteMailbox::is_forsaken(int from) const {
    const int source = impl_->source_of(from, "probe");
    const std::lock_guard lock(impl_->net().mutex);
    return impl_->context->is_forsaken(source);
}

void RemoteMailbox::on_news(std::function<void(bool has_ended)> listener) {
    const std::lock_guard lock(impl_->net().mutex);
    impl_->context->on_news(std::move(listener));
}

void RemoteMailbox::expect_news(bool does) {
    if (does)
        impl_->expects_news.begin(impl_->net().contexts.counts.expected);
    else
        impl_->expects_news.end();
}

void RemoteMailbox::set_lag(std::size_t bytes) {
    const std::lock_guard lock(impl_->net().mutex);
    for (HostPeer* const other : impl_->others)
        if (other != nullptr) other->set_lag(impl_->context_id, bytes);
}

}  // namespace ipcrun
