// SPDX-License-Identifier: Apache-2.0
#include "runtime/world/wires.hpp"

#include <bit>

#include "base/fail.hpp"
#include "runtime/hosts/fabric.hpp"
#include "runtime/wire/control_segment.hpp"

namespace ipcrun {

Wires::Wires(int rank, JobTable table, UniqueFd listener, const JobSecret& secret,
             std::shared_ptr<NodeMemory> memory)
    : rank_(rank),
      table_(std::move(table)),
      rank_bits_(std::bit_width(static_cast<unsigned>(table_.ranks()))),
      peers_(std::make_shared<RemotePeers>(options(std::move(listener), secret))),
      watch_(peers_, sleepers_, std::move(memory)) {}

RemotePeers::Options Wires::options(UniqueFd listener, const JobSecret& secret) {
    RemotePeers::Options result;
    result.rank = rank_;
    for (int other = 0; other < table_.ranks(); ++other) {
        RemotePeer peer;
        if (!is_here(other)) peer.address = parse_address(std::string(table_.address_of(other)));
        peer.name = name_of(other);
        result.peers.push_back(std::move(peer));
    }
    result.secret = secret;
    result.listener = std::move(listener);
    result.fabric = load_fabric(fabric_wish(), parse_address(std::string(table_.address_of(rank_))),
                                result.encrypt);
    result.end_of = [this](int other) { return end_of(other); };
    result.on_news = [sleepers = sleepers_] { sleepers->wake_all(); };
    return result;
}

std::string Wires::name_of(int rank) const {
    return fmt::format("rank {} on host {}", rank, table_.host_name(table_.host_of(rank)));
}

std::optional<RankEnd> Wires::end_of(int rank) const {
    switch (table_.state_of(rank)) {
        case RankState::exited:
            return RankEnd{"ended"};
        case RankState::failed: {
            const int status = table_.wait_status_of(rank);
            if (status == host_lost_status)
                return RankEnd{"is lost: its host has failed, or cannot be reached", false};
            if (status == agent_lost_status)
                return RankEnd{"is lost: it has ended, or the agent of its host has", false};
            return RankEnd{fmt::format("failed: {}", describe_wait_status(status))};
        }
        default:
            return std::nullopt;
    }
}

std::uint32_t Wires::take_context() {
    const std::uint32_t count = contexts_.fetch_add(2);
    if (count >> (32 - rank_bits_) != 0)
        fail(ErrorCode::system,
             "split: rank {} has led {} communicators, and there are no more "
             "numbers for them",
             rank_, count / 2);
    return count << rank_bits_ | static_cast<std::uint32_t>(rank_);
}

}  // namespace ipcrun
