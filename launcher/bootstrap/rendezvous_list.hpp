// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Who keeps the list of a rendezvous.

#include <string>
#include <vector>

#include "base/unique_fd.hpp"
#include "launcher/bootstrap/rendezvous.hpp"

namespace ipcrun {

/// A socket that listens on the first of the ports that is free. Throws Error{config} when none is.
UniqueFd open_list(const Meeting& meeting);

/// Waits for the cards of all, and sends them to all. Throws as open_rendezvous() says.
std::vector<std::string> keep_list(const Meeting& meeting, UniqueFd listener,
                                   const std::string& card, Deadline deadline);

}  // namespace ipcrun
