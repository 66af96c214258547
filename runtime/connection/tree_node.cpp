// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/tree_node.hpp"

#include <algorithm>
#include <bit>
#include <utility>

#include "base/fail.hpp"
#include "runtime/collective_checks.hpp"
#include "runtime/combine.hpp"
#include "runtime/strided.hpp"

namespace ipcrun {

namespace {

// Segments that a node may be ahead of the results: what lies in the links between.
constexpr std::size_t ahead_max = 256;

}  // namespace

TreeNode::TreeNode(Neighbour parent, std::vector<Neighbour> children, int nodes, int tag,
                   std::size_t segment_bytes, Self self)
    : parent_(std::move(parent)),
      children_(std::move(children)),
      self_(std::move(self)),
      nodes_(nodes),
      tag_(tag),
      segment_bytes_(segment_bytes),
      levels_(static_cast<std::size_t>(std::bit_width(static_cast<unsigned>(nodes)))) {}

void TreeNode::run(const Collective& collective, Deadline deadline) {
    if (failure_ != nullptr) throw *failure_;
    check_call(collective, 0, nodes_);
    for (const Part& part : collective.from)
        if (is_strided(part)) check_strides(part, true);
    const std::string attempt =
        fmt::format("{} along a tree of connections", name_of(collective.kind));
    guard(attempt, [&] { run_segments(collective, deadline); });
}

void TreeNode::run_segments(const Collective& collective, Deadline deadline) {
    for (Neighbour& child : children_) child.is_done = false;
    const Segments segments(collective.from, segment_bytes_);
    Operation operation{
        segments, {++sequence_, fingerprint_of(collective), 0}, collective.op, deadline};
    const bool goes_up = collective.kind == Collective::Kind::allreduce;
    // One that went up comes back to a leaf after so many steps; until then it sends the next ones.
    const std::size_t ahead =
        !goes_up || segments.count() == 1 ? 0 : std::min(2 * levels_, ahead_max);
    for (std::size_t i = 0; i < segments.count() + ahead; ++i) {
        if (goes_up && i < segments.count()) go_up(operation, i);
        if (i >= ahead) go_down(operation, i - ahead);
    }
    segments.unpack();
}

void TreeNode::go_up(Operation& operation, std::size_t segment) {
    std::uint32_t levels = 0;
    if (segment == 0)  // all are checked before anything is changed
        for (Neighbour& child : children_)
            levels = std::max(levels, await(child, operation, segment) + 1);
    for (Neighbour& child : children_) combine(child, operation, segment);
    operation.call.levels = levels;
    if (!is_root()) return send(parent_, operation, segment);
    for (const Part& part : operation.segments[segment])
        finish_combination(operation.op, part, nodes_);
    if (segment == 0) levels_ = levels;
}

// The child that was served last on the way up was the latest: its branch is the longest.
void TreeNode::go_down(Operation& operation, std::size_t segment) {
    if (!is_root()) receive(parent_, operation, segment);
    operation.call.levels = static_cast<std::uint32_t>(levels_);
    for (auto child = children_.rbegin(); child != children_.rend(); ++child)
        send(*child, operation, segment);
}

void TreeNode::send(Neighbour& to, const Operation& operation, std::size_t segment) {
    partner_ = &to;
    Bytes note;
    if (segment == 0) note = encode(operation.call);
    to.link->send(note, operation.segments[segment], tag_, operation.deadline);
}

std::uint32_t TreeNode::await(Neighbour& from, const Operation& operation, std::size_t segment) {
    partner_ = &from;
    const auto arrival = wait_for(from, operation.deadline);
    if (!arrival)
        fail(ErrorCode::timeout, "timed out waiting for {} {}",
             &from == &parent_ ? "the parent," : "a child,", from.name);
    if (segment > 0 && arrival->note.empty()) return 0;
    const TreeNote note = decode_tree_note(arrival->note);
    if (const auto* abort = std::get_if<TreeAbort>(&note)) {
        told_ = *abort;
        fail(abort->code, "{}", abort->text);
    }
    const auto& theirs = std::get<TreeCall>(note);
    const TreeCall& ours = operation.call;
    if (segment > 0)
        fail(ErrorCode::protocol, "{} begins an operation in the middle of one", from.name);
    if (theirs.sequence != ours.sequence || !(theirs.print == ours.print))
        fail(ErrorCode::mismatch, "{} calls {} as operation {} of this tree; {} calls {} as {}",
             from.name, describe(theirs.print), theirs.sequence, self_.name, describe(ours.print),
             ours.sequence);
    return theirs.levels;
}

void TreeNode::receive(Neighbour& from, const Operation& operation, std::size_t segment) {
    const std::uint32_t levels = await(from, operation, segment);
    if (segment == 0) levels_ = levels;
    from.link->receive_into(operation.segments[segment], tag_, operation.deadline);
}

void TreeNode::combine(Neighbour& from, const Operation& operation, std::size_t segment) {
    (void)await(from, operation, segment);
    const std::span<const Part> ours = operation.segments[segment];
    const std::size_t bytes = bytes_of(ours);
    // By memory it is there as soon as it is received, and stays where the sender put it.
    Message message;
    const std::byte* theirs = nullptr;
    if (bytes > 0 && from.link->kind() != LinkKind::socket) {
        message = from.link->receive(tag_, operation.deadline);
        if (message.envelope.bytes != bytes)
            fail(ErrorCode::protocol, "{} sends {} bytes; {} are expected", from.name,
                 message.envelope.bytes, bytes);
        theirs = message.storage->data();
    } else {
        if (!theirs_) theirs_ = Storage::create(nullptr, Dtype::u8, segment_bytes_);
        std::vector<Part> parts(ours.begin(), ours.end());
        std::byte* end = theirs_->data();
        for (Part& part : parts) {
            part.data = end;
            end += part.bytes();
        }
        from.link->receive_into(parts, tag_, operation.deadline);
        theirs = theirs_->data();
    }
    for (const Part& part : ours) {
        ipcrun::combine(operation.op, part, theirs, Order::mine_first);
        theirs += part.bytes();
    }
}

}  // namespace ipcrun
