// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a collective call lends, for as long as its operation is under way.

#include <cstdint>
#include <deque>
#include <span>
#include <vector>

#include "runtime/collective.hpp"

namespace ipcrun {

/// A collective with copies of all its spans; the memory of its parts stays borrowed.
class KeptCollective {
  public:
    explicit KeptCollective(const Collective& collective);
    KeptCollective(const KeptCollective&) = delete;

    const Collective& collective() const { return collective_; }

  private:
    void keep_dimensions(std::span<Part> parts);

    Collective collective_;
    std::vector<Part> from_, to_;
    std::deque<std::vector<std::int64_t>> dimensions_;  // sizes and strides of the parts
    std::vector<std::size_t> counts_;
};

}  // namespace ipcrun
