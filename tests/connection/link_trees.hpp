// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Trees of connections whose nodes are threads or forked processes of a test.

#include <algorithm>
#include <memory>
#include <vector>

#include "runtime/connection/link_tree.hpp"
#include "tests/connection/meetings.hpp"
#include "tests/connection/tree_nodes.hpp"

namespace ipcrun::test {

constexpr int tree_tag = 16;

/// One node's way into a tree: listens for its children, connects to its parent.
class TreeMember {
  public:
    /// `addresses`: where each node listens.
    TreeMember(const TreeShape& shape, int node, const std::vector<Address>& addresses,
               LinkChoice choice, const std::shared_ptr<Neighbourhood>& neighbourhood) {
        const auto children = shape.children_of(node);
        const auto index = static_cast<std::size_t>(node);
        if (!children.empty())
            server_ = std::make_unique<Server>(addresses[index], test_key(), false, choice,
                                               neighbourhood);
        std::shared_ptr<Connection> parent;
        if (shape.parent[index] >= 0) {
            parent = connect_to_test(addresses[static_cast<std::size_t>(shape.parent[index])],
                                     choice, neighbourhood);
            tell_number(*parent, node);
        }
        std::vector<std::shared_ptr<Connection>> below;
        if (!children.empty()) {
            if (server_->wait_for(children.size(), soon()) != children.size())
                fail(ErrorCode::timeout, "nobody came: {}", server_->describe_refusals());
            below = in_order(server_->connections(), children);
        }
        tree_ = std::make_unique<LinkTree>(parent, std::move(below), static_cast<int>(shape.size()),
                                           tree_tag,
                                           LinkTree::Numbers{node, shape.parent[index], children});
    }
    LinkTree& tree() { return *tree_; }

  private:
    static void tell_number(Connection& connection, int number) {
        const Part part{&number, 1, Dtype::i32};
        connection.send({}, {&part, 1}, 1, soon());
    }
    // Children come in any order, and say which they are.
    static std::vector<std::shared_ptr<Connection>> in_order(
        const std::vector<std::shared_ptr<Connection>>& come, const std::vector<int>& children) {
        std::vector<std::shared_ptr<Connection>> result(children.size());
        for (const auto& connection : come) {
            int number = -1;
            const Part part{&number, 1, Dtype::i32};
            connection->receive_into({&part, 1}, 1, soon());
            const auto place = std::ranges::find(children, number) - children.begin();
            result.at(static_cast<std::size_t>(place)) = connection;
        }
        return result;
    }

    std::unique_ptr<Server> server_;
    std::unique_ptr<LinkTree> tree_;
};

/// What the nodes of a tree speak by.
struct TreeLink {
    std::string name;
    LinkChoice choice = LinkChoice::fastest;
    bool is_tcp = false;
};

inline const std::vector<TreeLink>& all_tree_links() {
    static const std::vector<TreeLink> all = {{"memory", LinkChoice::fastest},
                                              {"Unix", LinkChoice::socket},
                                              {"TCP", LinkChoice::socket, true}};
    return all;
}

/// A port that no other test has: of 127.0.0.0/8 each process has an address of its own.
inline Address fresh_tcp_address() {
    static std::atomic<std::uint16_t> port = 20'000;
    const pid_t pid = ::getpid();
    return {.host = fmt::format("127.{}.{}.{}", 1 + (pid >> 16 & 63), pid >> 8 & 255, pid & 255),
            .port = ++port};
}

inline std::vector<Address> addresses_for(const TreeShape& shape, const TreeLink& link = {}) {
    std::vector<Address> addresses;
    for (std::size_t i = 0; i < shape.size(); ++i)
        addresses.push_back(link.is_tcp ? fresh_tcp_address() : fresh_address());
    return addresses;
}

using LinkTreeBody = std::function<void(int, LinkTree&)>;

/// Runs `body(node, tree)` once a node, each in a thread of its own. What each threw.
inline std::vector<std::exception_ptr> run_link_tree_to_the_end(const TreeShape& shape,
                                                                LinkChoice choice,
                                                                const LinkTreeBody& body) {
    const auto addresses = addresses_for(shape);
    const auto neighbourhood = Neighbourhood::create();
    std::vector<std::exception_ptr> outcomes(shape.size());
    std::vector<std::thread> threads;
    for (std::size_t node = 0; node < shape.size(); ++node)
        threads.emplace_back([&, node] {
            try {
                TreeMember member(shape, static_cast<int>(node), addresses, choice, neighbourhood);
                body(static_cast<int>(node), member.tree());
            } catch (...) {
                outcomes[node] = std::current_exception();
            }
        });
    for (std::thread& thread : threads) thread.join();
    return outcomes;
}

inline void run_link_tree(const TreeShape& shape, LinkChoice choice, const LinkTreeBody& body) {
    for (const std::exception_ptr& outcome : run_link_tree_to_the_end(shape, choice, body))
        if (outcome) std::rethrow_exception(outcome);
}

}  // namespace ipcrun::test
