// SPDX-License-Identifier: Apache-2.0
#include "launcher/bootstrap/guard.hpp"

#include <unistd.h>

#include "base/quiet_thread.hpp"
#include "base/socket.hpp"

namespace ipcrun {

Guard::Guard(Deadline deadline, OnTimeout on_timeout, std::string text) {
    if (deadline.is_never()) return;
    std::tie(end_, watched_) = create_socket_pair(SocketKind::stream);
    thread_ = start_quiet_thread([fd = watched_.get(), deadline, on_timeout = std::move(on_timeout),
                                  text = std::move(text)] {
        if (wait_readable(fd, deadline)) return;
        on_timeout(Error(ErrorCode::timeout, text));
        // Without destructors, which would have to wait for the thread that blocks.
        ::_exit(1);
    });
}

Guard::~Guard() {
    if (!thread_.joinable()) return;
    end_.reset();
    thread_.join();
}

}  // namespace ipcrun
