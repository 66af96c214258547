// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Which of the adapters that libfabric offers a rank takes. Plain values: nothing here asks it.

#include <cstddef>
#include <span>
#include <string>
#include <vector>

namespace ipcrun {

/// An endpoint that could be opened.
struct NicOffer {
    std::string provider;     ///< "verbs;ofi_rxm"
    std::string network;      ///< those with the same text reach each other
    std::string domain;       ///< "mlx5_0", "mlx5_0-xrc"
    std::string pci_id = {};  ///< "0000:41:00.0"; empty: not told
    std::string device = {};  ///< "mlx5_0"; empty: not told
};

/// The NIC that the placement of this rank gave it; both empty: none is known.
struct OwnNic {
    std::string name = {};
    std::string pci_id = {};  ///< lower case; empty: unknown
};

struct OfferChoice {
    std::size_t index;    ///< of the offer
    std::string adapter;  ///< for people: "mlx5_1 (this rank's NIC, by its PCI address)"
};

/// What to try, in this order: of each provider, in the order of their first offers, the offer of
/// the rank's own NIC, by its PCI address or else by its name, then the first offer. One that is on
/// another network than the first does not count: ranks with other NICs could not reach it.
std::vector<OfferChoice> choose_offers(std::span<const NicOffer> offers, const OwnNic& own);

}  // namespace ipcrun
