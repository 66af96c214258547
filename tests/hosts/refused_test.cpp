// SPDX-License-Identifier: Apache-2.0
// A provider that says "later" without end.
#include <cstdlib>

#include "runtime/fabric/libfabric_fabric.hpp"
#include "runtime/fabric/offers.hpp"
#include "tests/hosts/hosts.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

FabricOffer offer() {
    return std::move(choose_fabrics(std::getenv("IPCRUN_FABRIC"), {.host = "127.0.0.1"}).at(0));
}

}  // namespace

// Until the peer looks at its endpoint there is no connection.
TEST_CASE("refused: what a provider does not take for too long fails, and the next goes well") {
    LibfabricFabric a(offer(), Seconds{0.2}), b(offer());
    const std::uint64_t to_b = a.add_peer(b.address()), to_a = b.add_peer(a.address());
    auto sent = pattern(100'000, 1);
    std::vector<std::uint8_t> got(sent.size());
    const iovec out{sent.data(), sent.size()}, in{got.data(), got.size()};
    const auto lost = a.send(to_b, 1, {&out, 1});
    const Deadline deadline = soon();
    bool has_news = false;
    while (!lost->is_over() && !deadline.has_passed()) has_news = a.progress();
    REQUIRE(lost->is_over());
    CHECK(has_news);
    CHECK(lost->failure().find("has not taken it for 0.2 s") != std::string::npos);

    const auto receive = b.receive(to_a, 2, {&in, 1});
    auto send = a.send(to_b, 2, {&out, 1});
    while (!receive->is_over() && !deadline.has_passed()) {
        (void)a.progress();
        (void)b.progress();
        if (send->is_over() && !send->failure().empty()) send = a.send(to_b, 2, {&out, 1});
    }
    CHECK(receive->failure() == "");
    CHECK(got == sent);
}
