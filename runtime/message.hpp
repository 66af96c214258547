// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Messages between two members of a communicator.

#include <cstddef>

#include "runtime/dtype.hpp"
#include "runtime/storage.hpp"

namespace ipcrun {

constexpr int any_source = -1;
/// Tags are 0 or more.
constexpr int any_tag = -1;

/// Who sent what.
struct Envelope {
    int source = 0;  ///< the sender's rank in the communicator
    int tag = 0;
    std::size_t bytes = 0;
    Dtype dtype = Dtype::u8;  ///< of the elements; u8 when the sender's parts had several
};

struct Message {
    Envelope envelope;
    StoragePtr storage;  ///< bytes() of it are the message; elements of the envelope's dtype
};

}  // namespace ipcrun
