// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Cards by way of a meeting over TCP, without any library: one task keeps the list, the others
/// bring their cards to it, and all get all of them. Streams are encrypted: cards may be secret.
/// Whoever listens where the list is to be kept, and is of another meeting or of another user, is
/// told apart and passed over.

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "launcher/bootstrap/bootstrap.hpp"
#include "runtime/stream/key.hpp"

namespace ipcrun {

struct Meeting {
    std::string name;  ///< for people, and to tell meetings apart: "step 12.0 of Slurm"
    int rank = 0;
    int size = 1;
    bool keeps_list = false;  ///< one of them all
    /// Where the list is kept: the ports that are tried in this order, on which one may be taken.
    std::vector<std::uint16_t> ports = {};
    /// To listen: the address to do so at; empty: all of the host. To dial: those of that host, in
    /// numbers.
    std::vector<std::string> hosts = {};
    Key key = {};
    /// How long others with another key are passed over, where nobody with this one is found.
    Seconds patience_with_strangers{10.0};
};

/// The list is open from here on. Throws Error{config} where no port is free. exchange() throws
/// Error: timeout (how many have come, or that nobody keeps the list), config (another key),
/// peer_lost (a task ended before all had come), mismatch (two tasks of one rank), protocol.
std::unique_ptr<Bootstrap> open_rendezvous(Meeting meeting, Deadline deadline);

}  // namespace ipcrun
