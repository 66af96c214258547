// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/wiring.hpp"

#include <utility>

#include "base/stream_socket.hpp"

namespace ipcrun {

Wiring::Wiring(const std::string& host, int ranks) {
    for (int rank = 0; rank < ranks; ++rank) listeners_.push_back(listen_at({.host = host}));
}

std::vector<std::string> Wiring::addresses() const {
    std::vector<std::string> result;
    for (const UniqueFd& listener : listeners_)
        result.push_back(format_address(own_address(listener.get())));
    return result;
}

void Wiring::complete(const JobDirectory& directory) {
    if (is_complete()) return;
    table_fd_ = JobTable::create(directory);
    table_.emplace(table_fd_.get());
    for (const auto& [rank, wait_status] : std::exchange(ended_before_, {}))
        mark_ended(rank, wait_status);
}

Wiring::Gift Wiring::give(int local_rank) {
    return {table_fd_.get(), std::move(listeners_[static_cast<std::size_t>(local_rank)])};
}

void Wiring::mark_ended(int rank, int wait_status) {
    if (!table_) {
        ended_before_.emplace_back(rank, wait_status);
        return;
    }
    if (rank >= 0 && rank < table_->ranks()) table_->mark_ended(rank, wait_status);
}

}  // namespace ipcrun
