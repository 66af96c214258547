// SPDX-License-Identifier: Apache-2.0
#include "bindings/lua/threads/relatives.hpp"

#include "bindings/lua/threads/household.hpp"

namespace ipcrun::lua {

bool has_relatives(const Context& shared) {
    // Children of other states are not for this thread to ask about.
    const int own_families = shared.children != nullptr ? 1 : 0;
    if (ParentProcess::is_around() || shared.household->families() > own_families) return true;
    return shared.children != nullptr && !shared.children->have_ended();
}

}  // namespace ipcrun::lua
