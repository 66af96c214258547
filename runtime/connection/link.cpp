// SPDX-License-Identifier: Apache-2.0
#include "runtime/connection/link.hpp"

namespace ipcrun {

std::string_view name_of(LinkKind kind) {
    switch (kind) {
        case LinkKind::process:
            return "process";
        case LinkKind::memory:
            return "memory";
        case LinkKind::socket:
            break;
    }
    return "socket";
}

}  // namespace ipcrun
