// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A handle on an operation that was started.

#include <memory>

#include "base/deadline.hpp"

namespace ipcrun {

/// Used by the thread that uses the communicator; what was not done when that went throws
/// Error{usage}. Copies are the same request. Letting go of one changes nothing: the operation goes
/// on.
class Request {
  public:
    /// What is behind it; made by communicators.
    class State {
      public:
        virtual ~State() = default;
        /// Goes on with the operation without waiting; true when it is done. Throws its error, at
        /// every call.
        virtual bool test() = 0;
        /// The same, until it is done or the deadline passes, which fails nothing.
        virtual bool wait(Deadline deadline) = 0;
    };

    Request() = default;
    explicit Request(std::shared_ptr<State> state) : state_(std::move(state)) {}

    /// Is it done? Does what can be done now and does not wait. Throws Error when the operation
    /// failed.
    bool test() { return state_ == nullptr || state_->test(); }

    /// Waits until it is done: true; false when the deadline passes first, and it goes on. Throws
    /// Error when the operation failed.
    bool wait(Deadline deadline = Deadline::never()) {
        return state_ == nullptr || state_->wait(deadline);
    }

  private:
    std::shared_ptr<State> state_;  // shared: with the communicator, which goes on with it
};

}  // namespace ipcrun
