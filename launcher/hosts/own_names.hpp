// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Is a host that people name this one? Then its agent is started without ssh.

#include <string>

#include "base/deadline.hpp"

namespace ipcrun {

/// "localhost", the name of this host (whole or its first label), or a name or address that
/// resolves to an address of this host. "user@host" never is: ssh is to make us that user. A name
/// that does not resolve is not ours: ssh may know it. May ask name servers until the deadline;
/// what they have not said by then counts as no.
bool is_this_host(const std::string& name, Deadline deadline);

}  // namespace ipcrun
