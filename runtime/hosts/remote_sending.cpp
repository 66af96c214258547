// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/remote_sending.hpp"

#include "base/fail.hpp"
#include "runtime/hosts/remote_peers_impl.hpp"

namespace ipcrun {

RemoteSending::RemoteSending(RemotePeers::Impl& net, std::span<const Part> parts, int to, int tag,
                             std::uint32_t context)
    : net_(net), to_(to) {
    const PartsShape shape(parts, false);
    frame = {.kind = shape.bytes > host_eager_bytes_max ? HostFrameKind::announcement
                                                        : HostFrameKind::message,
             .dtype = static_cast<std::uint8_t>(shape.dtype),
             .context = context,
             .tag = static_cast<std::uint32_t>(tag),
             .bytes = shape.bytes};
}

RemoteSending::~RemoteSending() {
    // Done at once: nobody else has known of it. In a child after fork() it is the parent's, whose
    // threads may hold the mutex.
    if (!is_known_ || !net_.fork_guard.is_ours()) return;
    net_.take_back(*this);
}

std::string RemoteSending::describe() const {
    return fmt::format("send(to rank {}, tag {})", to_, frame.tag);
}

void RemoteSending::keep(std::span<const Part> parts) {
    kept_.assign(parts.begin(), parts.end());
    is_known_ = true;
    under_way_.begin(net_.contexts.counts.under_way);
}

void RemoteSending::finish() {
    stage = Stage::over;
    under_way_.end();
    is_done_.store(true, std::memory_order_release);
}

void RemoteSending::fail(const Error& why) {
    stage = Stage::over;
    under_way_.end();
    error_.emplace(why.code, fmt::format("{}: {}", describe(), why.what()), why.system_errno, to_);
    is_done_.store(true, std::memory_order_release);
}

}  // namespace ipcrun
