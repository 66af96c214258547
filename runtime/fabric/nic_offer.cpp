// SPDX-License-Identifier: Apache-2.0
#include "runtime/fabric/nic_offer.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <string_view>

namespace ipcrun {

namespace {

bool is_by_pci(const NicOffer& offer, const OwnNic& own) {
    return !own.pci_id.empty() && offer.pci_id == own.pci_id;
}

// Some providers name the kind of endpoint behind the adapter.
bool is_by_name(const NicOffer& offer, const OwnNic& own) {
    static constexpr std::string_view suffixes[] = {"", "-rdm", "-xrc", "-dgrm", "-dgram"};
    if (own.name.empty()) return false;
    return offer.device == own.name ||
           std::any_of(std::begin(suffixes), std::end(suffixes), [&](std::string_view suffix) {
               return offer.domain == own.name + std::string(suffix);
           });
}

const std::string& label_of(const NicOffer& offer) {
    return offer.device.empty() ? offer.domain : offer.device;
}

// What one provider offers, of which none is chosen yet.
class OneProvider {
  public:
    OneProvider(std::span<const NicOffer> offers, std::size_t first)
        : offers_(offers), first_(first) {}

    void choose(const OwnNic& own, std::vector<OfferChoice>& choices) const {
        std::string why = "the first";
        if (!own.name.empty() || !own.pci_id.empty()) {
            const bool is_chosen =
                choose_if(is_by_pci, own, "this rank's NIC, by its PCI address", choices) ||
                choose_if(is_by_name, own, "this rank's NIC, by its name", choices);
            if (is_chosen && choices.back().index == first_) return;
            why += is_chosen ? "" : why_not(own);
        }
        choices.push_back({first_, fmt::format("{} ({})", label_of(offers_[first_]), why)});
    }

  private:
    template <typename Fits>
    std::size_t find(Fits fits) const {
        for (std::size_t i = first_; i < offers_.size(); ++i)
            if (offers_[i].provider == offers_[first_].provider && fits(offers_[i])) return i;
        return offers_.size();
    }

    bool choose_if(bool (*fits)(const NicOffer&, const OwnNic&), const OwnNic& own,
                   std::string_view why, std::vector<OfferChoice>& choices) const {
        const std::size_t found = find([&](const NicOffer& offer) {
            return offer.network == offers_[first_].network && fits(offer, own);
        });
        if (found == offers_.size()) return false;
        choices.push_back({found, fmt::format("{} ({})", label_of(offers_[found]), why)});
        return true;
    }

    std::string why_not(const OwnNic& own) const {
        const bool is_offered = find([&](const NicOffer& offer) {
                                    return is_by_pci(offer, own) || is_by_name(offer, own);
                                }) != offers_.size();
        return fmt::format("; this rank's NIC, {}, {}", own.name.empty() ? own.pci_id : own.name,
                           is_offered ? "is on another network" : "is not offered");
    }

    std::span<const NicOffer> offers_;
    std::size_t first_;
};

}  // namespace

std::vector<OfferChoice> choose_offers(std::span<const NicOffer> offers, const OwnNic& own) {
    std::vector<OfferChoice> choices;
    for (std::size_t i = 0; i < offers.size(); ++i) {
        const auto is_same = [&](const NicOffer& other) {
            return other.provider == offers[i].provider;
        };
        const auto before = offers.first(i);
        if (std::none_of(before.begin(), before.end(), is_same))
            OneProvider(offers, i).choose(own, choices);
    }
    return choices;
}

}  // namespace ipcrun
