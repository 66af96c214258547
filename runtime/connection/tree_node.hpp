// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a LinkTree does, over whatever kind of link.

#include <memory>
#include <new>
#include <optional>
#include <span>
#include <string>
#include <vector>

#include "base/error.hpp"
#include "runtime/collective.hpp"
#include "runtime/connection/link.hpp"
#include "runtime/connection/segments.hpp"
#include "runtime/connection/tree_note.hpp"

namespace ipcrun {

/// One node of a tree. Every node takes its steps in the same order: a segment up, then one down
/// that is as many behind as there are levels up and down; and along the tree messages follow it.
/// So nobody waits in a circle, however little the links hold.
class TreeNode {
  public:
    struct Neighbour {
        std::unique_ptr<Link> link;
        std::string name;
        int node = -1;  ///< its number in the tree, from 0, for `rank` of errors; -1: unknown
        bool is_done = false;  ///< of a child: it may go before others have been heard
    };
    struct Self {
        std::string name = "this node";  ///< for texts that other nodes read, too
        int node = -1;                   ///< its number in the tree, from 0; -1: unknown
    };
    /// `parent` has no link at the root.
    TreeNode(Neighbour parent, std::vector<Neighbour> children, int nodes, int tag,
             std::size_t segment_bytes, Self self);

    /// An allreduce, or a broadcast of the root's parts. When it throws anything but usage, all
    /// neighbours have been told why, and their links are closed.
    void run(const Collective& collective, Deadline deadline);

    /// An exchange of messages of any size, of which the caller makes what it likes: first each
    /// node receives from its children, then sends to its parent; or results come down; or both.
    /// All nodes begin the same number of them. They fail as run() does.
    void begin_exchange();
    /// `spare` is taken for the message if it is large enough, and nobody else has it.
    Message receive_from(std::size_t child, StoragePtr spare);
    void send_up(std::span<const Part> parts);
    void send_down(std::span<const Part> parts);
    /// What the parent has sent, which has been sent down.
    Message pass_down(StoragePtr spare);

  private:
    struct Operation {
        const Segments& segments;
        TreeCall call;
        Op op;
        Deadline deadline;
    };

    bool is_root() const { return parent_.link == nullptr; }
    /// Runs `work`, and gives up when it fails.
    template <typename Work>
    void guard(const std::string& attempt, Work work) {
        if (failure_ != nullptr) throw *failure_;
        try {
            work();
        } catch (const Error& error) {
            give_up(error.code, attempt, error.what());
        } catch (const std::bad_alloc&) {
            give_up(ErrorCode::system, attempt, "not enough memory");
        }
    }
    TreeCall exchange_call() const;
    void send_message(Neighbour& to, std::span<const Part> parts);
    Message receive_message(Neighbour& from, StoragePtr spare);
    void run_segments(const Collective& collective, Deadline deadline);
    void go_up(Operation& operation, std::size_t segment);
    void go_down(Operation& operation, std::size_t segment);
    void send(Neighbour& to, const Operation& operation, std::size_t segment);
    void receive(Neighbour& from, const Operation& operation, std::size_t segment);
    void combine(Neighbour& from, const Operation& operation, std::size_t segment);
    /// Waits for the message of a segment; the levels that the first one of an operation tells.
    std::uint32_t await(Neighbour& from, const Operation& operation, std::size_t segment);

    std::optional<Arrival> wait_for(Neighbour& from, Deadline deadline);
    void look_at_others(const Neighbour& from);

    [[noreturn]] void give_up(ErrorCode code, const std::string& attempt, std::string why);
    std::optional<TreeAbort> find_abort(Neighbour& from);
    void tell_and_close(const TreeAbort& abort);

    Neighbour parent_;
    std::vector<Neighbour> children_;
    Self self_;
    int nodes_, tag_;
    std::size_t segment_bytes_;
    std::uint32_t sequence_ = 0;
    std::size_t levels_;            // of the whole tree: guessed before it is known
    Neighbour* partner_ = nullptr;  // with whom the last step was taken
    Neighbour* awaited_ = nullptr;  // whose message it waits for
    std::optional<TreeAbort> told_;
    StoragePtr theirs_;  // a segment that came over a socket
    std::unique_ptr<Error> failure_;
};

}  // namespace ipcrun
