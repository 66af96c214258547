// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Waiting for a message by any of several links.

#include <cstddef>
#include <functional>
#include <memory>
#include <optional>
#include <span>

#include "base/deadline.hpp"
#include "runtime/connection/link.hpp"
#include "runtime/wire/bell.hpp"

namespace ipcrun {

/// How to sleep until memory has something new or a socket can be read.
struct MixedSleep {
    Bell* doorbell;
    /// While what it returns lives, the doorbell is rung once one of the sockets can be read.
    /// Called by who sleeps on the doorbell, and has said so.
    std::function<std::shared_ptr<void>(std::span<const int> fds)> ring_when_readable;
};

/// The number of the first link, looking from `first` on and around, that has a message with the
/// tag, or will have none any more because it is closed or lost; nullopt when the deadline passes.
/// All belong to this thread. `mixed` is used where some are sockets and some are memory. Throws
/// Error{usage} when there is no link. Cost of a look: one a link by memory; one system call for
/// all sockets, and those of reading what has come.
std::optional<std::size_t> wait_any(std::span<Link* const> links, int tag, std::size_t first,
                                    Deadline deadline, const MixedSleep& mixed);

}  // namespace ipcrun
