// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What allreduce algorithms over messages are made of: one member's steps on its own elements.

#include <algorithm>
#include <cstddef>

#include "runtime/combine.hpp"
#include "runtime/message_carrier.hpp"

namespace ipcrun {

/// Elements [begin, end).
struct Range {
    std::size_t begin = 0, end = 0;

    std::size_t count() const { return end - begin; }
    /// Number `index` of `pieces` nearly equal, disjoint ones that together are this one.
    Range piece(std::size_t index, std::size_t pieces) const {
        // In two steps, for the product of a count and an index may not fit.
        const std::size_t whole = count() / pieces, rest = count() % pieces;
        const auto start = [&](std::size_t i) { return begin + i * whole + std::min(i, rest); };
        return {start(index), start(index + 1)};
    }
};

/// One member's part in one allreduce. Steps block, throw what messages throw, and after an error
/// the elements are undefined. Empty ranges send nothing: all members cut alike.
class MessageSteps {
  public:
    /// Works on the elements of `part` in place: they lie side by side. `values`: of how many the
    /// result is made in the end, each member giving as many as it has combined before. The carrier
    /// outlives this.
    MessageSteps(MessageCarrier& carrier, const Part& part, Op op, int values)
        : carrier_(carrier), part_(part), op_(op), values_(values) {}

    int rank() const { return carrier_.rank(); }
    int size() const { return carrier_.size(); }
    Range all() const { return {0, part_.count}; }
    std::size_t element_bytes() const { return size_of(part_.dtype); }

    void send(Range range, int to, int tag);
    /// Receives in the place of what is there.
    void receive(Range range, int from, int tag);

    /// Receives and combines into what is there.
    void combine(Range range, int from, int tag, Order order);
    /// Sends one range while it receives another that does not overlap with it, or combines into
    /// one that may.
    void send_and_receive(Range out, int to, Range in, int from, int tag);
    void send_and_combine(Range out, int to, Range in, int from, int tag, Order order);

    /// Makes what is combined from all values the result: an average is a sum until then, and the
    /// truth of a single value one or zero. By one member for each element, or by all who hold it.
    void finish(Range range);

  private:
    Part part_of(Range range) const;
    bool is_long(Range range) const;

    MessageCarrier& carrier_;
    Part part_;
    Op op_;
    int values_;
};

}  // namespace ipcrun
