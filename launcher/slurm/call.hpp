// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a launcher tells the agents that srun starts for it, over their standard input, which srun
/// copies to all: a key, and where to call back. Neither is on a command line or in an environment,
/// where others could read it.

#include <string>
#include <string_view>
#include <vector>

#include "base/address.hpp"
#include "runtime/stream/key.hpp"

namespace ipcrun {

struct Call {
    Key key;
    std::vector<Address> addresses;  ///< of one listener, the likeliest first
};

constexpr std::string_view call_purpose = "ipcrun-agent";  ///< of the connection: AcceptorOptions
constexpr std::size_t call_bytes_max = 1 << 16;

std::string format_call(const Call& call);
/// Throws Error{protocol} for what format_call() does not give.
Call parse_call(std::string_view text);

/// The addresses of this host, in numbers: those that other hosts may know it by, and 127.0.0.1 at
/// the end. Throws Error{system}.
std::vector<std::string> own_addresses();

}  // namespace ipcrun
