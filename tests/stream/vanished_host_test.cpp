// SPDX-License-Identifier: Apache-2.0
// A host that vanishes: two ends in a network of their own, whose only interface is taken down.
#include "tests/stream/stream_ends.hpp"
#include "tests/support/own_network.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

bool says_vanished(const std::pair<ErrorCode, std::string>& error) {
    if (error.first != ErrorCode::peer_lost) fmt::print(stderr, "{}\n", error.second);
    return error.first == ErrorCode::peer_lost;
}

// In a process of its own.
bool lose_the_network() {
    auto idle = stream_pair(false), busy = stream_pair(false);
    if (!set_loopback(false)) return false;
    auto reading = std::async(std::launch::async, [&] {
        return says_vanished(error_of([&] { (void)read_all(idle.client, 1); }));
    });
    const bool is_busy_lost =
        says_vanished(error_of([&] { write_all(busy.client, std::string(64 << 20, 'x')); }));
    return reading.get() && is_busy_lost;
}

}  // namespace

TEST_CASE("vanished host: who waits hears of it, idle or in the middle of a transfer") {
    const auto before = Clock::now();
    CHECK(passes_in_own_network(lose_the_network));
    CHECK(Clock::now() - before < std::chrono::seconds(16));
}
