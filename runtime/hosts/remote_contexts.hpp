// SPDX-License-Identifier: Apache-2.0
#pragma once
/// All communicators that messages between hosts speak of.

#include <cstdint>
#include <map>
#include <unordered_set>

#include "runtime/hosts/remote_context.hpp"

namespace ipcrun {

/// All calls under the mutex of the peers.
class RemoteContexts {
  public:
    /// Made where it is not known yet; null when it is closed.
    RemoteContext* find(std::uint32_t id) {
        if (closed_.contains(id)) return nullptr;
        return &contexts_.try_emplace(id, id, counts).first->second;
    }
    bool is_open(std::uint32_t id) const {
        const auto context = contexts_.find(id);
        return context != contexts_.end() && context->second.is_open();
    }
    bool is_closed(std::uint32_t id) const { return closed_.contains(id); }
    void close(std::uint32_t id) {
        contexts_.at(id).close();
        contexts_.erase(id);
        closed_.insert(id);
    }
    void end(int source, const Error& why) {
        for (auto& [id, context] : contexts_) context.end(source, why);
    }

    RemoteCounts counts;

  private:
    std::map<std::uint32_t, RemoteContext> contexts_;
    std::unordered_set<std::uint32_t> closed_;  // numbers are not used twice
};

}  // namespace ipcrun
