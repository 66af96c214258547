// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A name whose look-up has no answer until a test says so, in the place of a name server that is
/// not there: this program's own getaddrinfo(3) stands before that of the C library.

namespace ipcrun::testing {

constexpr const char* slow_name = "slow.test";

/// While it lives, look-ups of slow_name wait; then they fail.
class SlowNames {
  public:
    SlowNames();
    ~SlowNames();
    /// Look-ups of it that wait.
    int waiting() const;
};

}  // namespace ipcrun::testing
