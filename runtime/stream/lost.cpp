// SPDX-License-Identifier: Apache-2.0
#include "runtime/stream/lost.hpp"

#include <cstring>

#include "base/fail.hpp"

namespace ipcrun {

void fail_lost(std::string_view peer, int error_number) {
    switch (error_number) {
        case 0:
            fail(ErrorCode::peer_lost, "{}: it closed the connection, or ended", peer);
        case ETIMEDOUT:
            fail_vanished(peer);
        case ECONNRESET:
        case ECONNABORTED:
        case EPIPE:
        case ENOTCONN:
        case ESHUTDOWN:
            fail(ErrorCode::peer_lost, "{}: it broke the connection, or ended ({})", peer,
                 std::strerror(error_number));
        case ECONNREFUSED:
        case EHOSTDOWN:
        case EHOSTUNREACH:
        case ENETDOWN:
        case ENETRESET:
        case ENETUNREACH:
            fail(ErrorCode::peer_lost, "{}: it cannot be reached any more ({})", peer,
                 std::strerror(error_number));
        default:
            fail_errno(error_number, peer);
    }
}

void fail_vanished(std::string_view peer) {
    fail(ErrorCode::peer_lost, "{}: its host does not answer any more", peer);
}

}  // namespace ipcrun
