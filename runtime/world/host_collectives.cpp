// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/host_collectives.hpp"

#include <fmt/format.h>

#include <system_error>

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
    try {
        if (!queue_) queue_.emplace(engine_);
    } catch (const std::system_error& error) {
        engine_.give_up(collective, site,
                        Error(ErrorCode::system,
                              fmt::format("make a thread for what is started: {}", error.what()),
                              error.code().value()));
    }
    return queue_->start(collective, deadline, site);
}

}  // namespace ipcrun
