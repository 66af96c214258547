// SPDX-License-Identifier: Apache-2.0
// Which of several offers is opened, over the provider that IPCRUN_FABRIC names.
#include "runtime/fabric/open_fabric.hpp"

#include <netinet/in.h>

#include <cstdlib>
#include <cstring>

#include "tests/hosts/hosts.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

FabricInfo offer() {
    return std::move(choose_fabrics(std::getenv("IPCRUN_FABRIC"), {.host = "127.0.0.1"}).at(0));
}

// That of an adapter whose address has gone, which the kernel tells when it is opened.
FabricInfo broken_offer() {
    FabricInfo result = offer();
    REQUIRE(result->src_addrlen == sizeof(sockaddr_in));
    sockaddr_in address{};
    std::memcpy(&address, result->src_addr, sizeof address);
    address.sin_addr.s_addr = htonl(0xc000024d);  // 192.0.2.77
    std::memcpy(result->src_addr, &address, sizeof address);
    return result;
}

std::vector<FabricInfo> broken_offers(int count) {
    std::vector<FabricInfo> result;
    for (int i = 0; i < count; ++i) result.push_back(broken_offer());
    return result;
}

}  // namespace

TEST_CASE("open fabric: an offer that cannot be opened leaves the next one") {
    for (const bool must : {false, true}) {
        std::vector<FabricInfo> offers = broken_offers(2);
        offers.push_back(offer());
        const auto fabric = open_first(std::move(offers), must);
        REQUIRE(fabric != nullptr);
        CHECK(fabric->address().size() >= sizeof(sockaddr_in));
    }
}

TEST_CASE("open fabric: where none opens there is none, and whoever has asked for it is told why") {
    CHECK(open_first(broken_offers(2), false) == nullptr);
    const Error error = error_of([] { (void)open_first(broken_offers(1), true); });
    CHECK(error.code == ErrorCode::system);
    const std::string text = error.what();
    INFO(text);
    CHECK(text.find(std::getenv("IPCRUN_FABRIC")) != std::string::npos);
    CHECK(text.find("FI_LOG_LEVEL") != std::string::npos);
}

TEST_CASE("open fabric: without an offer there is none") {
    CHECK(open_first({}, false) == nullptr);
}
