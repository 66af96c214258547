// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a process sleeps on that waits for any of many others.

#include <array>
#include <atomic>
#include <cstdint>

#include "base/mapping.hpp"
#include "runtime/wire/bell.hpp"

namespace ipcrun {

/// A bell in a memory of its own: one process sleeps on it while it waits for any of many others,
/// with each of which it shares another memory. Beside it is a row of bits, in which those who have
/// a number leave a mark when they ring: so nobody has to look at all to find out who it was.
class Doorbell {
  public:
    /// The descriptor is for handing on to those who ring.
    static UniqueFd create();
    /// Maps what `create` made. Throws Error{protocol} when it is something else.
    explicit Doorbell(int fd);

    Bell& bell() const { return *reinterpret_cast<Bell*>(mapping_.data()); }

    static constexpr std::uint32_t marks_max = 2048;
    using Marks = std::array<std::atomic<std::uint64_t>, marks_max / 64>;
    Marks& marks() const { return *reinterpret_cast<Marks*>(mapping_.data() + marks_offset); }

    /// Wakes who sleeps, after a sequentially consistent write, and leaves the mark `number`, which
    /// counts from 1; none for others. Costs two loads when nobody sleeps and the mark is there.
    void ring(std::uint32_t number) const;

  private:
    static constexpr std::size_t marks_offset = 64;

    Mapping mapping_;
};

}  // namespace ipcrun
