// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/lost_queue.hpp"

#include "base/fail.hpp"

namespace ipcrun::lua {

void LostQueue::fail_lost() const {
    fail(ErrorCode::peer_lost,
         "use a channel that came in a message: the process that sent it has ended, or let go of "
         "it, before it was opened here ({})",
         why_);
}

}  // namespace ipcrun::lua
