// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_reduce.hpp"

#include <array>
#include <deque>
#include <ranges>

#include "runtime/combine.hpp"
#include "runtime/parts.hpp"

namespace ipcrun {

namespace {

// What travels on while more comes. Long enough that each message's own costs do not matter.
constexpr std::size_t piece_bytes = 1 << 20;
// Pieces that are on their way to one member at a time.
constexpr std::size_t pieces_under_way = 8;

struct Outgoing {
    int to;
    HostSteps::SendingPtr sending;
};

// Sends that go on, the oldest of which is waited for when there are many.
class Outbound {
  public:
    Outbound(const HostOperation& operation, std::size_t most)
        : operation_(operation), most_(most) {}
    void add(const Part& part, int to, int tag) {
        while (!sent_.empty() && sent_.size() >= most_) settle();
        sent_.push_back({to, operation_.steps.start_send({&part, 1}, to, tag)});
    }
    void finish() {
        while (!sent_.empty()) settle();
    }

  private:
    void settle() {
        operation_.steps.wait(*sent_.front().sending, sent_.front().to);
        sent_.pop_front();
    }
    const HostOperation& operation_;
    std::size_t most_;
    std::deque<Outgoing> sent_;
};

void pass_down(const HostOperation& operation, std::span<const Part> parts, int root) {
    const HostTreePlace place = binomial_place(operation, root);
    const int tag = operation.tag(HostOperation::down);
    Outbound outbound(operation, pieces_under_way * place.children.size());
    for (const Part& piece : pieces_of(parts, piece_bytes)) {
        if (place.parent) operation.steps.receive({&piece, 1}, *place.parent, tag);
        // Those with most below them first.
        for (const int child : std::views::reverse(place.children)) outbound.add(piece, child, tag);
    }
    outbound.finish();
}

// Memory for what one child sends while what it sent before is combined.
class Inbound {
  public:
    Inbound(const HostOperation& operation, int child, std::size_t bytes)
        : operation_(operation), child_(child) {
        for (Buffer& buffer : buffers_) buffer.memory = operation.memory(Dtype::u8, bytes);
    }
    void expect(std::size_t number, const Part& piece) {
        Buffer& buffer = buffers_[number % buffers_.size()];
        const Part room{buffer.memory->data(), piece.count, piece.dtype};
        buffer.receiving = operation_.steps.start_receive(std::span<const Part>(&room, 1), child_,
                                                          operation_.tag(HostOperation::up));
    }
    const std::byte* take(std::size_t number) {
        Buffer& buffer = buffers_[number % buffers_.size()];
        operation_.steps.wait(*buffer.receiving, child_);
        buffer.receiving.reset();
        return buffer.memory->data();
    }

  private:
    struct Buffer {
        StoragePtr memory;
        HostSteps::ReceivingPtr receiving;
    };
    const HostOperation& operation_;
    int child_;
    std::array<Buffer, 2> buffers_;
};

// Combines into `sums` what comes from below, and sends it up.
void pass_up(const HostOperation& operation, std::span<const Part> sums, Op op, int root) {
    const HostTreePlace place = binomial_place(operation, root);
    const std::vector<Part> pieces = pieces_of(sums, piece_bytes);
    std::size_t longest = 0;
    for (const Part& piece : pieces) longest = std::max(longest, piece.bytes());
    std::deque<Inbound> inbound;
    for (const int child : place.children) {
        inbound.emplace_back(operation, child, longest);
        if (!pieces.empty()) inbound.back().expect(0, pieces[0]);
    }
    Outbound outbound(operation, pieces_under_way);
    for (std::size_t i = 0; i < pieces.size(); ++i) {
        for (Inbound& from : inbound) {
            if (i + 1 < pieces.size()) from.expect(i + 1, pieces[i + 1]);
            combine(op, pieces[i], from.take(i), Order::mine_first);
        }
        if (place.parent) outbound.add(pieces[i], *place.parent, operation.tag(HostOperation::up));
    }
    outbound.finish();
}

}  // namespace

void broadcast_over_hosts(const HostOperation& operation, std::span<const Part> parts, int root) {
    const HostLayout& layout = operation.layout;
    const int speaker = operation.own_speaker(root);
    if (layout.own != speaker)
        return operation.run_here(Collective::broadcast(parts, layout.local(speaker)));
    const PackedParts packed(operation, parts, layout.own == root);
    pass_down(operation, packed.parts(), root);
    operation.run_here(Collective::broadcast(packed.parts(), layout.local(speaker)));
    if (layout.own != root) packed.store();
}

void reduce_over_hosts(const HostOperation& operation, std::span<const Part> from,
                       std::span<const Part> to, Op op, int root) {
    const HostLayout& layout = operation.layout;
    const int speaker = operation.own_speaker(root);
    const int local = layout.local(speaker);
    if (layout.own != speaker)
        return operation.run_here(Collective::reduce(from, {}, step_of(op), local));
    std::vector<StoragePtr> memory;
    std::vector<Part> sums;
    for (const Part& part : from) {
        memory.push_back(operation.memory(part.dtype, part.count));
        sums.push_back({memory.back()->data(), part.count, part.dtype});
    }
    operation.run_here(Collective::reduce(from, sums, step_of(op), local));
    pass_up(operation, sums, op, root);
    if (layout.own != root) return;
    for (std::size_t i = 0; i < sums.size(); ++i) {
        finish_combination(op, sums[i], layout.size());
        scatter(static_cast<const std::byte*>(sums[i].data), to.subspan(i, 1));
    }
}

}  // namespace ipcrun
