// SPDX-License-Identifier: Apache-2.0
#include "runtime/faults.hpp"

#include <signal.h>

#include "base/fail.hpp"
#include "base/text.hpp"

namespace ipcrun {

namespace {

constexpr FaultPoint all_points[] = {
    FaultPoint::after_publish,  FaultPoint::after_arrive,  FaultPoint::after_claim,
    FaultPoint::mid_chunk,      FaultPoint::after_done,    FaultPoint::before_unload,
    FaultPoint::in_split,       FaultPoint::before_commit, FaultPoint::after_commit,
    FaultPoint::mid_move,       FaultPoint::mid_copy,      FaultPoint::holding_message,
    FaultPoint::queue_reserved, FaultPoint::queue_copied,  FaultPoint::queue_committed,
    FaultPoint::queue_taken,    FaultPoint::queue_locked};

std::string format_points() {
    std::string text;
    for (const FaultPoint point : all_points) {
        if (!text.empty()) text += ", ";
        text += name_of(point);
    }
    return text;
}

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
        case FaultPoint::mid_move:
            return "mid_move";
        case FaultPoint::mid_copy:
            return "mid_copy";
        case FaultPoint::holding_message:
            return "holding_message";
        case FaultPoint::before_unload:
            return "before_unload";
        case FaultPoint::in_split:
            return "in_split";
        case FaultPoint::queue_reserved:
            return "queue_reserved";
        case FaultPoint::queue_copied:
            return "queue_copied";
        case FaultPoint::queue_committed:
            return "queue_committed";
        case FaultPoint::queue_taken:
            return "queue_taken";
        case FaultPoint::queue_locked:
            return "queue_locked";
    }
    return "?";
}

Faults::Faults(std::string_view text, int rank) {
    const auto pieces = split(text, ':');
    const bool stops = pieces.size() == 4 && pieces[3] == "stop";
    const bool is_whole = pieces.size() == 3 || stops;
    const auto fault_rank = is_whole ? parse_number<int>(pieces[1]) : std::nullopt;
    const auto sequence = is_whole ? parse_number<std::uint32_t>(pieces[2]) : std::nullopt;
    bool known = false;
    for (const FaultPoint point : all_points) {
        if (pieces[0] != name_of(point)) continue;
        point_ = point;
        known = true;
    }
    if (!known || !fault_rank || !sequence)
        fail(
            ErrorCode::config,
            "read IPCRUN_FAULT '{}': it must be POINT:RANK:OPERATION or POINT:RANK:OPERATION:stop, "
            "with a POINT of {}",
            text, format_points());
    armed_ = *fault_rank == rank;
    sequence_ = *sequence;
    strike_ = [stops] { (void)::raise(stops ? SIGSTOP : SIGKILL); };
}

}  // namespace ipcrun
