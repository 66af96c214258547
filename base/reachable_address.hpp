// SPDX-License-Identifier: Apache-2.0
#pragma once
/// At which of its addresses this host can be reached by others, as far as it can know.

#include <string>

namespace ipcrun {

/// The address, in numbers, from which this host would reach `towards` (an address in numbers, too;
/// empty: none is known). Where that is its loopback, or leads nowhere: the first one of its
/// interfaces that is up, of IPv4 if there is one; "127.0.0.1" where there is none. Its own name is
/// not asked, which resolves to 127.0.1.1 on many. Throws Error: config (no address), system.
std::string reachable_address(const std::string& towards);

}  // namespace ipcrun
