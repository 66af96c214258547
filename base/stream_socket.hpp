// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Sockets that carry bytes between hosts, or on one: TCP over IPv4 and IPv6, and Unix sockets. All
/// are non-blocking and close-on-exec; those of TCP send at once what they are given. When the
/// other host vanishes, one that is idle breaks after ten seconds (keep-alive); for the middle of a
/// transfer there is has_vanished(). TCP_USER_TIMEOUT would be simpler, and breaks connections to
/// those who only do not read for so long (seen with Linux 6.18).

#include "base/address.hpp"
#include "base/deadline.hpp"
#include "base/unique_fd.hpp"

namespace ipcrun {

/// A socket that listens at `address`; a port that was just left can be taken again. A host of
/// several addresses: the first that can be listened at. The file of a Unix socket is for its owner
/// alone, and must not be there before. Throws Error: system (why), config (the name is unknown).
UniqueFd listen_at(const Address& address);

/// One connection that has come, if one has. Throws Error{system}, with EMFILE and the like, when
/// it cannot be taken now: it stays where it is.
UniqueFd accept_from(int listener);

/// Connects, to each of the addresses that the name has until one answers. Throws Error: config
/// (the name is unknown), system (refused, unreachable; `system_errno` says which), timeout. Never
/// blocks for longer than the deadline, also not for the name.
UniqueFd connect_to(const Address& address, Deadline deadline);

/// The same in two steps, without waiting: begins to connect to the first address, which should be
/// a number (a name is looked up, for as long as the deadline says); then the socket can be written
/// when it is decided, and end_connect() says how: 0, or the errno of why not. Throws as above.
UniqueFd begin_connect(const Address& address, Deadline deadline);
int end_connect(int fd);

/// The two ends of a socket, in numbers. That of a Unix socket without a name, and every peer of
/// one, is a pid: its path is "pid 812".
Address own_address(int fd);
Address peer_address(int fd);

/// Has the other end of a TCP connection left unanswered, for about ten seconds, what was sent to
/// it? Never of one that answers and does not read. While it does not read, the kernel asks at
/// pauses that grow to two minutes, so that it takes two of those. False for other sockets.
bool has_vanished(int fd);

/// Waits until `fd` can be written, or is broken; false when the deadline passes first.
bool wait_writable(int fd, Deadline deadline);

}  // namespace ipcrun
