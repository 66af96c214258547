// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/lost_queue.hpp"

#include "base/fail.hpp"

namespace ipcrun::lua {

void LostQueue::fail_lost() const {
    fail(ErrorCode::peer_lost, "use a channel that came in a message: {}", why_);
}

}  // namespace ipcrun::lua
