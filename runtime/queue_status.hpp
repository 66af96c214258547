// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What queues answer, those of threads and those between processes.

#include <cstdint>

namespace ipcrun {

enum class QueueStatus : std::uint8_t {
    open,
    closed,   ///< nothing more is written; there is something left to read
    drained,  ///< closed, and nothing is left
};

/// What became of an attempt to write or read.
enum class QueueOutcome : std::uint8_t {
    done,
    would_wait,  ///< the queue is full, or empty
    refused,     ///< to write: it is closed; to read: it is drained
};

}  // namespace ipcrun
