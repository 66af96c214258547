// SPDX-License-Identifier: Apache-2.0
// Which adapter a rank takes of those that a host has, without any.
#include "runtime/fabric/nic_offer.hpp"

#include <doctest/doctest.h>

using namespace ipcrun;

namespace {

/// Two adapters on one network by each of two providers.
std::vector<NicOffer> two_adapters() {
    std::vector<NicOffer> offers;
    for (const char* const provider : {"verbs;ofi_rxm", "psm3"})
        for (const int number : {0, 1})
            offers.push_back({.provider = provider,
                              .network = "IB 10.0.0.0/24",
                              .domain = "mlx5_" + std::to_string(number),
                              .pci_id = "0000:4" + std::to_string(number) + ":00.0",
                              .device = "mlx5_" + std::to_string(number)});
    return offers;
}

using Choices = std::vector<std::pair<std::size_t, std::string>>;

Choices chosen(const std::vector<NicOffer>& offers, const OwnNic& own) {
    Choices result;
    for (const OfferChoice& choice : choose_offers(offers, own))
        result.emplace_back(choice.index, choice.adapter);
    return result;
}

}  // namespace

TEST_CASE("nic offer: without a NIC the first of each provider is taken") {
    CHECK(chosen(two_adapters(), {}) ==
          Choices{{0, "mlx5_0 (the first)"}, {2, "mlx5_0 (the first)"}});
}

TEST_CASE("nic offer: the rank's own is taken before the first, of each provider") {
    CHECK(chosen(two_adapters(), {.name = "mlx5_1"}) ==
          Choices{{1, "mlx5_1 (this rank's NIC, by its name)"},
                  {0, "mlx5_0 (the first)"},
                  {3, "mlx5_1 (this rank's NIC, by its name)"},
                  {2, "mlx5_0 (the first)"}});
}

TEST_CASE("nic offer: the PCI address says more than the name") {
    CHECK(chosen(two_adapters(), {.name = "mlx5_0", .pci_id = "0000:41:00.0"})[0] ==
          Choices::value_type{1, "mlx5_1 (this rank's NIC, by its PCI address)"});
}

TEST_CASE("nic offer: an adapter whose PCI address is not told is found by its name") {
    std::vector<NicOffer> offers = two_adapters();
    for (NicOffer& offer : offers) offer.pci_id.clear();
    CHECK(chosen(offers, {.name = "mlx5_1", .pci_id = "0000:41:00.0"})[0] ==
          Choices::value_type{1, "mlx5_1 (this rank's NIC, by its name)"});
}

TEST_CASE("nic offer: the name of a domain may end in the kind of its endpoints") {
    for (const char* const suffix : {"", "-rdm", "-xrc", "-dgrm", "-dgram"}) {
        std::vector<NicOffer> offers = two_adapters();
        for (NicOffer& offer : offers) {
            offer.pci_id = offer.device = "";
            offer.domain += suffix;
        }
        CAPTURE(suffix);
        CHECK(chosen(offers, {.name = "mlx5_1"})[0].first == 1);
    }
}

TEST_CASE("nic offer: a longer name is another adapter's") {
    std::vector<NicOffer> offers = two_adapters();
    offers[1].domain = offers[1].device = "mlx5_10";
    CHECK(chosen(offers, {.name = "mlx5_1"})[0] ==
          Choices::value_type{0, "mlx5_0 (the first; this rank's NIC, mlx5_1, is not offered)"});
}

TEST_CASE("nic offer: where the rank's own is the first there is nothing else to try") {
    std::vector<NicOffer> offers = two_adapters();
    offers.resize(2);
    CHECK(chosen(offers, {.pci_id = "0000:40:00.0"}) ==
          Choices{{0, "mlx5_0 (this rank's NIC, by its PCI address)"}});
}

TEST_CASE("nic offer: the rank's own is not taken on a network that the first is not on") {
    std::vector<NicOffer> offers = two_adapters();
    offers.resize(2);
    offers[1].network = "IB 10.0.1.0/24";
    CHECK(chosen(offers, {.name = "mlx5_1"}) ==
          Choices{{0, "mlx5_0 (the first; this rank's NIC, mlx5_1, is on another network)"}});
}

TEST_CASE(
    "nic offer: of several endpoints of the rank's own the one on the first's network is taken") {
    std::vector<NicOffer> offers = two_adapters();
    offers.resize(2);
    offers.push_back(offers[1]);
    offers[1].network = "IB fe80::/64%3";
    CHECK(chosen(offers, {.name = "mlx5_1"})[0].first == 2);
}

TEST_CASE("nic offer: of nothing nothing is taken") {
    CHECK(chosen({}, {.name = "mlx5_0"}).empty());
}
