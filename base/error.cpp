// SPDX-License-Identifier: Apache-2.0
#include "base/error.hpp"

namespace ipcrun {

std::string_view name_of(ErrorCode code) {
    switch (code) {
        case ErrorCode::usage:
            return "usage";
        case ErrorCode::config:
            return "config";
        case ErrorCode::system:
            return "system";
        case ErrorCode::peer_lost:
            return "peer_lost";
        case ErrorCode::timeout:
            return "timeout";
        case ErrorCode::mismatch:
            return "mismatch";
        case ErrorCode::protocol:
            return "protocol";
        case ErrorCode::unsupported:
            return "unsupported";
        case ErrorCode::internal:
            return "internal";
    }
    return "internal";
}

}  // namespace ipcrun
