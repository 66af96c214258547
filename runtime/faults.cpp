// SPDX-License-Identifier: Apache-2.0
#include "runtime/faults.hpp"

#include <signal.h>

#include "base/fail.hpp"
#include "base/text.hpp"

namespace ipcrun {

namespace {

constexpr FaultPoint all_points[] = {
    FaultPoint::after_publish, FaultPoint::after_arrive, FaultPoint::after_claim,
    FaultPoint::mid_chunk,     FaultPoint::after_done,   FaultPoint::before_commit,
    FaultPoint::after_commit,  FaultPoint::mid_copy,     FaultPoint::holding_message};

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
        case FaultPoint::before_commit:
            return "before_commit";
        case FaultPoint::after_commit:
            return "after_commit";
        case FaultPoint::mid_copy:
            return "mid_copy";
        case FaultPoint::holding_message:
            return "holding_message";
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
             "after_publish, after_arrive, after_claim, mid_chunk, after_done, before_commit, "
             "after_commit, mid_copy, holding_message",
             text);
    armed_ = *fault_rank == rank;
    sequence_ = *sequence;
}

}  // namespace ipcrun
