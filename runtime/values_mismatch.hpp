// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A disagreement that callers may know how to settle.

#include "base/error.hpp"

namespace ipcrun {

/// Error{mismatch} of members that all called the same kind, operator and root, and differ in what
/// they gave. Every member throws it alike.
struct ValuesMismatch : Error {
    using Error::Error;
};

}  // namespace ipcrun
