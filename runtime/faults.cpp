// SPDX-License-Identifier: Apache-2.0
#include "runtime/faults.hpp"

#include <signal.h>

#include "base/error.hpp"
#include "base/text.hpp"

namespace ipcrun {

namespace {

constexpr FaultPoint all_points[] = {FaultPoint::after_publish, FaultPoint::after_arrive,
                                     FaultPoint::after_claim, FaultPoint::mid_chunk,
                                     FaultPoint::after_done};

}  // namespace

std::string_view name_of(FaultPoint point) {
    switch (point) {
        case FaultPoint::after_publish:
            return "after_publish";
        case FaultPoint::after_arrive:
            return "after_arrive";
        case FaultPoint::after_claim:
            return "after_claim";
        case FaultPoint::mid_chunk:
            return "mid_chunk";
        case FaultPoint::after_done:
            return "after_done";
    }
    return "?";
}

Faults::Faults(std::string_view text, int rank) : strike_([] { (void)::raise(SIGKILL); }) {
    const auto pieces = split(text, ':');
    const auto fault_rank = pieces.size() == 3 ? parse_number<int>(pieces[1]) : std::nullopt;
    const auto sequence =
        pieces.size() == 3 ? parse_number<std::uint32_t>(pieces[2]) : std::nullopt;
    bool known = false;
    for (const FaultPoint point : all_points) {
        if (pieces[0] != name_of(point)) continue;
        point_ = point;
        known = true;
    }
    if (!known || !fault_rank || !sequence)
        fail(ErrorCode::config,
             "read IPCRUN_FAULT '{}': it must be POINT:RANK:OPERATION, with a POINT of "
             "after_publish, after_arrive, after_claim, mid_chunk, after_done",
             text);
    armed_ = *fault_rank == rank;
    sequence_ = *sequence;
}

}  // namespace ipcrun
