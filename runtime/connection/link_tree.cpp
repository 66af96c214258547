// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/link_tree.hpp"

#include <fmt/format.h>

#include <type_traits>
#include <utility>

#include "runtime/connection/connection_impl.hpp"
#include "runtime/connection/tree_node.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t segment_bytes = 256 << 10;

// A connection as what it is made of. Its errors name the node, and no tag: users have given none.
class ConnectionLink final : public Link {
  public:
    ConnectionLink(std::shared_ptr<Connection> connection, std::string node)
        : connection_(std::move(connection)), node_(std::move(node)) {}
    LinkKind kind() const override { return connection_->link(); }
    void send(std::span<const std::uint8_t> note, std::span<const Part> parts, int tag,
              Deadline deadline) override {
        named(tag, [&] { connection_->send(note, parts, tag, deadline); });
    }
    std::optional<Arrival> wait(int tag, Deadline deadline) override {
        return named(tag, [&] { return connection_->wait(tag, deadline); });
    }
    bool has_peer_ended() const override { return connection_->impl().has_peer_ended(); }
    void receive_into(std::span<const Part> parts, int tag, Deadline deadline) override {
        named(tag, [&] { connection_->receive_into(parts, tag, deadline); });
    }
    Message receive(int tag, Deadline deadline) override {
        return named(tag, [&] { return connection_->receive(tag, deadline); });
    }
    void close() noexcept override { connection_->close(); }

  private:
    template <typename Call>
    std::invoke_result_t<Call> named(int tag, Call call) {
        try {
            return call();
        } catch (const Error& error) {
            throw Error(error.code, describe(error.what(), tag), error.system_errno);
        }
    }

    std::string describe(std::string text, int tag) const {
        const std::string peer = connection_->impl().name() + ": ";
        if (text.starts_with(peer)) text.erase(0, peer.size());
        const std::string of_tag = fmt::format(" with tag {}", tag);
        if (const auto place = text.find(of_tag); place != std::string::npos)
            text.erase(place, of_tag.size());
        return fmt::format("{}: {}", node_, text);
    }

    std::shared_ptr<Connection> connection_;
    std::string node_;
};

std::string name_of_node(int node) {
    return fmt::format("node {}", node + 1);
}

TreeNode::Neighbour neighbour(const std::shared_ptr<Connection>& connection, int node) {
    if (connection == nullptr) return {};
    std::string name = connection->peer();
    if (node >= 0) {
        constexpr std::string_view role = "server ";  // every node is one
        if (name.starts_with(role)) name.erase(0, role.size());
        name = fmt::format("{} at {}", name_of_node(node), name);
    }
    return {std::make_unique<ConnectionLink>(connection, name), name, node};
}

}  // namespace

struct LinkTree::Impl {
    TreeNode node;
};

LinkTree::LinkTree(std::shared_ptr<Connection> parent,
                   std::vector<std::shared_ptr<Connection>> children, int nodes, int tag,
                   const Numbers& numbers)
    : parent_(std::move(parent)), children_(std::move(children)) {
    std::vector<TreeNode::Neighbour> below;
    for (std::size_t i = 0; i < children_.size(); ++i)
        below.push_back(
            neighbour(children_[i], i < numbers.children.size() ? numbers.children[i] : -1));
    impl_ = std::make_unique<Impl>(Impl{
        TreeNode(neighbour(parent_, numbers.parent), std::move(below), nodes, tag, segment_bytes,
                 numbers.own < 0 ? TreeNode::Self()
                                 : TreeNode::Self{name_of_node(numbers.own), numbers.own})});
}

LinkTree::~LinkTree() = default;

void LinkTree::allreduce(std::span<const Part> parts, Op op, Deadline deadline) {
    impl_->node.run(Collective::allreduce(parts, op), deadline);
}

void LinkTree::broadcast(std::span<const Part> parts, Deadline deadline) {
    impl_->node.run(Collective::broadcast(parts, 0), deadline);
}

void LinkTree::begin_exchange() {
    impl_->node.begin_exchange();
}

Message LinkTree::receive_from(std::size_t child, StoragePtr spare) {
    return impl_->node.receive_from(child, std::move(spare));
}

void LinkTree::send_up(std::span<const Part> parts) {
    impl_->node.send_up(parts);
}

void LinkTree::send_down(std::span<const Part> parts) {
    impl_->node.send_down(parts);
}

Message LinkTree::pass_down(StoragePtr spare) {
    return impl_->node.pass_down(std::move(spare));
}

}  // namespace ipcrun
