// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A collective operation that was started: what a Request of it holds.

#include "runtime/collectives.hpp"
#include "runtime/kept_collective.hpp"

namespace ipcrun {

struct Collectives::Started : Request::State {
    /// Keeps copies of what the collective borrows, but for the memory of the parts.
    Started(Collectives& engine, const Collective& collective, Deadline deadline);

    bool test() override;
    bool wait(Deadline deadline) override;

    void fail_with(const Error& error) { error_ = error; }
    /// The communicator is going.
    void close() { engine_ = nullptr; }

  private:
    KeptCollective kept_;  // before what borrows from it

  public:
    Collectives* engine_;
    Operation operation;

  private:
    void check_open() const;
    bool is_over() const;

    std::optional<Error> error_;
};

}  // namespace ipcrun
