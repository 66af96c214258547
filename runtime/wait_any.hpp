// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Waiting for messages in several communicators at once.

#include <cstddef>
#include <optional>
#include <span>

#include "base/deadline.hpp"
#include "runtime/communicator.hpp"

namespace ipcrun {

/// One of several places that a message may come from.
struct Source {
    Communicator* communicator;
    int member;
};

/// Waits until one of the sources has sent a message with this tag, or will send none any more
/// because it has ended: the index of the first such source, looking from number `first` on and
/// around. Receiving from it does not block then. nullopt when the deadline passes; a deadline
/// that has passed makes it a test. The communicators are those of children, of a parent, or
/// Job::messages(); all used by this thread. Goes on with what was started there. Throws what
/// test_message throws, and Error{usage} when there is no source. Cost of a look:
/// one a source.
std::optional<std::size_t> wait_any(std::span<const Source> sources, int tag, std::size_t first,
                                    Deadline deadline = Deadline::never());

}  // namespace ipcrun
