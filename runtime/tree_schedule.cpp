// SPDX-License-Identifier: Apache-2.0
// Along trees, in pieces that follow one another.
#include "runtime/message_schedules.hpp"

namespace ipcrun {

namespace {

using topology::Tree;

// Messages up and down each tree have tags of their own, for a child in one tree may be the parent
// in another.
int tag_up(std::size_t tree) {
    return static_cast<int>(2 * tree);
}
int tag_down(std::size_t tree) {
    return static_cast<int>(2 * tree + 1);
}

void go_up(MessageSteps& steps, const Tree& tree, std::size_t number, Range piece) {
    for (const int child : tree.children_of(steps.rank()))
        steps.combine(piece, child, tag_up(number), Order::mine_first);
    const int parent = tree.parent[static_cast<std::size_t>(steps.rank())];
    if (parent < 0)
        steps.finish(piece);
    else
        steps.send(piece, parent, tag_up(number));
}

// The last one that was served on the way up was the latest: its branch is the longest.
void go_down(MessageSteps& steps, const Tree& tree, std::size_t number, Range piece) {
    const int parent = tree.parent[static_cast<std::size_t>(steps.rank())];
    if (parent >= 0) steps.receive(piece, parent, tag_down(number));
    const auto children = tree.children_of(steps.rank());
    for (auto child = children.rbegin(); child != children.rend(); ++child)
        steps.send(piece, *child, tag_down(number));
}

}  // namespace

void allreduce_along_trees(MessageSteps& steps, std::span<const Tree> trees,
                           std::size_t segment_bytes) {
    const std::size_t share_bytes =
        steps.all().piece(0, trees.size()).count() * steps.element_bytes();
    std::size_t pieces = 1, depth = 0;
    if (segment_bytes != 0)
        pieces = std::max<std::size_t>(1, (share_bytes + segment_bytes - 1) / segment_bytes);
    for (const Tree& tree : trees)
        depth = std::max(depth, static_cast<std::size_t>(depth_of(tree)));
    // A piece comes back to a leaf after so many steps; until then it sends the next ones.
    const std::size_t ahead = 2 * depth;
    const auto piece_of = [&](std::size_t tree, std::size_t i) {
        return steps.all().piece(tree, trees.size()).piece(i, pieces);
    };
    for (std::size_t i = 0; i < pieces + ahead; ++i) {
        for (std::size_t tree = 0; tree < trees.size() && i < pieces; ++tree)
            go_up(steps, trees[tree], tree, piece_of(tree, i));
        for (std::size_t tree = 0; tree < trees.size() && i >= ahead; ++tree)
            go_down(steps, trees[tree], tree, piece_of(tree, i - ahead));
    }
}

}  // namespace ipcrun
