// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A client that does by hand what Connection::connect does, as far as a test goes.

#include "base/address.hpp"

namespace ipcrun::testing {

/// 0 and 1: in the handshake, before and after its first word; 2: before the upgrade; 3: has
/// introduced itself; 4: has the answer; 5: stands in the door; 6: has mapped the memory; 7: has
/// said so; 8: has the verdict.
constexpr int step_count = 9;

/// Sends this process the signal after so many steps, and waits; 1: the signal did not end it.
int strike_at(const Address& address, int step, int signal_number);

}  // namespace ipcrun::testing
