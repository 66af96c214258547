// SPDX-License-Identifier: Apache-2.0
// Which of several offers is opened, over the provider that IPCRUN_FABRIC names.
#include "runtime/fabric/open_fabric.hpp"

#include <fmt/format.h>
#include <netinet/in.h>

#include <cstdlib>
#include <cstring>

#include "runtime/fabric/network_name.hpp"
#include "tests/hosts/hosts.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

FabricOffer offer() {
    return std::move(choose_fabrics(std::getenv("IPCRUN_FABRIC"), {.host = "127.0.0.1"}).at(0));
}

// That of an adapter whose address has gone, which the kernel tells when it is opened.
FabricOffer broken_offer() {
    FabricOffer result = offer();
    REQUIRE(result.info->src_addrlen == sizeof(sockaddr_in));
    sockaddr_in address{};
    std::memcpy(&address, result.info->src_addr, sizeof address);
    address.sin_addr.s_addr = htonl(0xc000024d);  // 192.0.2.77
    std::memcpy(result.info->src_addr, &address, sizeof address);
    return result;
}

std::vector<FabricOffer> broken_offers(int count) {
    std::vector<FabricOffer> result;
    for (int i = 0; i < count; ++i) result.push_back(broken_offer());
    return result;
}

}  // namespace

TEST_CASE("open fabric: an offer that cannot be opened leaves the next one") {
    for (const bool must : {false, true}) {
        std::vector<FabricOffer> offers = broken_offers(2);
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
    CHECK(text.find(fmt::format("'{}' on lo (the first)", std::getenv("IPCRUN_FABRIC"))) !=
          std::string::npos);
    CHECK(text.find("FI_LOG_LEVEL") != std::string::npos);
}

TEST_CASE("open fabric: without an offer there is none") {
    CHECK(open_first({}, false) == nullptr);
}

TEST_CASE("open fabric: the rank's own NIC is found by the name that libfabric has for it") {
    const auto offers =
        choose_fabrics(std::getenv("IPCRUN_FABRIC"), {.host = "127.0.0.1"}, {.name = "lo"});
    REQUIRE(offers.size() == 1);
    CHECK(offers[0].adapter == "lo (this rank's NIC, by its name)");
}

TEST_CASE("open fabric: an endpoint is on the subnet of its address") {
    const std::string network = network_name(*offer().info);
    INFO(network);
    CHECK(network.ends_with(" 127.0.0.0/8"));
}

TEST_CASE("open fabric: an address that no interface has is a network of its own") {
    const std::string network = network_name(*broken_offer().info);
    INFO(network);
    CHECK(network.ends_with(" 192.0.2.77/32"));
}
