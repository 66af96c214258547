// SPDX-License-Identifier: Apache-2.0
#pragma once
/// One node of a tree of connections, for nodes that share no memory: reductions go up, results
/// come down, in pieces that follow each other.

#include <memory>
#include <span>
#include <utility>
#include <vector>

#include "runtime/collective.hpp"
#include "runtime/connection/connection.hpp"

namespace ipcrun {

class LinkTree {
  public:
    /// Which nodes of the tree this one and its neighbours are, from 0: so errors have a `rank`,
    /// and name nodes; texts count them from 1.
    struct Numbers {
        int own = -1;  ///< -1, here and below: not known
        int parent = -1;
        std::vector<int> children = {};  ///< none, or one a child
    };
    /// `parent` is null at the root. Children in the order in which their values are combined;
    /// results go to them in the opposite order. `nodes`: of the whole tree, for averages. `tag` is
    /// this tree's alone on all of these connections.
    LinkTree(std::shared_ptr<Connection> parent, std::vector<std::shared_ptr<Connection>> children,
             int nodes, int tag, const Numbers& numbers);
    LinkTree(std::shared_ptr<Connection> parent, std::vector<std::shared_ptr<Connection>> children,
             int nodes, int tag)
        : LinkTree(std::move(parent), std::move(children), nodes, tag, Numbers{}) {}
    LinkTree(const LinkTree&) = delete;
    ~LinkTree();

    /// Combines the parts of all nodes element by element, in place: the root's result is copied
    /// to all, bit by bit. All nodes call the same with equal shapes; counts and dtypes of
    /// neighbours are checked before memory is touched: mismatch, on all nodes sooner or later.
    /// After an error but usage every later call throws, and the connections with the neighbours
    /// are closed: all nodes learn of it, and what was said is the text of their error, which has
    /// the `rank` of the node that was lost, or late, first, if its neighbour knows it. Cost: each
    /// link carries the bytes once up and once down, at the same time; one message each way up to
    /// 256 KiB.
    void allreduce(std::span<const Part> parts, Op op, Deadline deadline = Deadline::never());
    /// The root's parts to all.
    void broadcast(std::span<const Part> parts, Deadline deadline = Deadline::never());

    /// An exchange of messages of any size, of which the caller makes what it likes: first each
    /// node receives from its children, then sends to its parent; or results come down; or both.
    /// All nodes begin the same ones, in the order of their other operations. They fail as those.
    void begin_exchange();
    /// `spare` is taken for the message if it is large enough, and nobody else has it.
    Message receive_from(std::size_t child, StoragePtr spare = {});
    void send_up(std::span<const Part> parts);
    void send_down(std::span<const Part> parts);
    /// What the parent has sent; it goes to the children before it is given.
    Message pass_down(StoragePtr spare = {});

    const std::shared_ptr<Connection>& parent() const { return parent_; }
    const std::vector<std::shared_ptr<Connection>>& children() const { return children_; }

  private:
    struct Impl;
    std::shared_ptr<Connection> parent_;
    std::vector<std::shared_ptr<Connection>> children_;
    std::unique_ptr<Impl> impl_;
};

}  // namespace ipcrun
