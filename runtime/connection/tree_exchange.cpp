// SPDX-License-Identifier: Apache-2.0
// Messages of any size along a tree of connections.
#include <utility>

#include "base/fail.hpp"
#include "runtime/collective_checks.hpp"
#include "runtime/connection/tree_node.hpp"

namespace ipcrun {

namespace {

constexpr const char* attempt = "exchange of values along a tree of connections";
// So that it is taken for no other operation.
constexpr std::uint64_t layout_of_exchange = 0x6578'6368'616e'6765;

}  // namespace

void TreeNode::begin_exchange() {
    if (failure_ != nullptr) throw *failure_;
    ++sequence_;
    for (Neighbour& child : children_) child.is_done = false;
}

Message TreeNode::receive_from(std::size_t child, StoragePtr spare) {
    Message message;
    guard(attempt, [&] {
        message = receive_message(children_.at(child), std::move(spare));
        // The exchange may be over for it.
        children_[child].is_done = true;
    });
    return message;
}

void TreeNode::send_up(std::span<const Part> parts) {
    guard(attempt, [&] { send_message(parent_, parts); });
}

void TreeNode::send_down(std::span<const Part> parts) {
    guard(attempt, [&] {
        for (auto child = children_.rbegin(); child != children_.rend(); ++child)
            send_message(*child, parts);
    });
}

Message TreeNode::pass_down(StoragePtr spare) {
    Message message;
    for (Neighbour& child : children_) child.is_done = false;  // they wait for it, too
    guard(attempt, [&] { message = receive_message(parent_, std::move(spare)); });
    const Dtype dtype = message.envelope.dtype;
    const Part part{message.storage->data(), message.envelope.bytes / size_of(dtype), dtype};
    send_down({&part, 1});
    return message;
}

TreeCall TreeNode::exchange_call() const {
    Collective collective = Collective::barrier();
    collective.layout = layout_of_exchange;
    return {sequence_, fingerprint_of(collective), 0};
}

void TreeNode::send_message(Neighbour& to, std::span<const Part> parts) {
    partner_ = &to;
    to.link->send(encode(exchange_call()), parts, tag_, Deadline::never());
}

Message TreeNode::receive_message(Neighbour& from, StoragePtr spare) {
    const Segments nothing({}, segment_bytes_);
    const Operation operation{nothing, exchange_call(), Op::sum, Deadline::never()};
    (void)await(from, operation, 0);
    // By memory it is there as soon as it is received.
    if (from.link->kind() != LinkKind::socket) return from.link->receive(tag_, Deadline::never());
    const auto arrival = from.link->wait(tag_, Deadline::never());
    check(arrival.has_value(), "a wait without a deadline that ends by none");
    const std::size_t bytes = arrival->bytes;
    const Dtype dtype = arrival->dtype;
    if (spare.use_count() != 1 || spare->bytes() < bytes)
        spare = Storage::create(nullptr, Dtype::u8, bytes);
    const Part part{spare->data(), bytes / size_of(dtype), dtype};
    from.link->receive_into({&part, 1}, tag_, Deadline::never());
    return {{.source = 0, .tag = tag_, .bytes = bytes, .dtype = dtype}, std::move(spare)};
}

}  // namespace ipcrun
