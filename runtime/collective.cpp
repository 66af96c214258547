// SPDX-License-Identifier: Apache-2.0
#include "runtime/collective.hpp"

namespace ipcrun {

std::string_view name_of(Collective::Kind kind) {
    constexpr std::string_view names[] = {"barrier", "allreduce",      "broadcast",
                                          "reduce",  "reduce_scatter", "allgather",
                                          "gather",  "scatter",        "alltoall"};
    return names[static_cast<int>(kind)];
}

}  // namespace ipcrun
