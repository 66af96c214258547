// SPDX-License-Identifier: Apache-2.0
#include "runtime/fabric/open_fabric.hpp"

#include <optional>

#include "base/fail.hpp"

namespace ipcrun {

std::unique_ptr<LibfabricFabric> open_first(std::vector<FabricOffer> offers, bool must) {
    std::optional<Error> first;
    for (FabricOffer& offer : offers) {
        try {
            return std::make_unique<LibfabricFabric>(std::move(offer));
        } catch (const Error& error) {
            if (!first) first = error;
        }
    }
    if (must && first)
        throw Error(
            first->code,
            fmt::format("{} (libfabric says more where FI_LOG_LEVEL is warn)", first->what()),
            first->system_errno);
    return nullptr;
}

}  // namespace ipcrun
