// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A collective operation that was started: what a Request of it holds.

#include "runtime/collectives.hpp"

namespace ipcrun {

struct Collectives::Started : Request::State {
    /// Keeps copies of what the collective borrows, but for the memory of the parts.
    Started(Collectives& engine, const Collective& collective, Deadline deadline);

    bool test() override;
    bool wait(Deadline deadline) override;

    void fail_with(const Error& error) { error_ = error; }
    /// The communicator is going.
    void close() { engine_ = nullptr; }

    Collectives* engine_;
    Operation operation;

  private:
    void keep_dimensions(std::span<Part> parts);
    void check_open() const;
    bool is_over() const;

    std::vector<Part> from_, to_;
    std::deque<std::vector<std::int64_t>> dimensions_;  // sizes and strides of the parts
    std::vector<std::size_t> counts_;
    std::optional<Error> error_;
};

}  // namespace ipcrun
