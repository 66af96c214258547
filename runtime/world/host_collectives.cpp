// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_collectives.hpp"

namespace ipcrun {

void HostCollectives::run(const Collective& collective, Deadline deadline, CallSite site) {
    if (!queue_ || queue_->is_idle()) return engine_.run(collective, deadline, site);
    Request request = start(collective, deadline, site);
    (void)request.wait();  // its own deadline ends it
}

Request HostCollectives::start(const Collective& collective, Deadline deadline, CallSite site) {
    // While the thread is at it, it finds out what is wrong, and the request tells.
    if (!queue_ || queue_->is_idle()) engine_.check_usable();
    engine_.check(collective);
    if (!queue_) queue_.emplace(engine_);
    return queue_->start(collective, deadline, site);
}

}  // namespace ipcrun
