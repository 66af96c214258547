// SPDX-License-Identifier: Apache-2.0
#pragma once
/// How long a bootstrap may take, and what is said when it takes longer.

#include <string>
#include <string_view>

#include "base/fail.hpp"
#include "launcher/bootstrap/bootstrap.hpp"
#include "launcher/bootstrap/guard.hpp"

namespace ipcrun {

struct Terms {
    Deadline deadline;
    OnTimeout on_timeout;
    std::string time;  ///< "within 120 s"

    Terms(Deadline end, OnTimeout callback) : deadline(end), on_timeout(std::move(callback)) {
        const auto left = end.remaining();
        if (left) time = fmt::format("within {:.3g} s", Seconds(*left).count());
    }

    /// For the time in which the server of `means` ("PMI-2") is asked.
    Guard guard_server(std::string_view means) const {
        return {deadline, on_timeout,
                fmt::format("{}: its server on this node has not answered {}", means, time)};
    }
    /// For the time in which all tasks are waited for.
    Guard guard_meeting(std::string_view means, int size) const {
        return {deadline, on_timeout,
                fmt::format("{}: the {} tasks that were started together have not all come {}; {}",
                            means, size, time, advice)};
    }

    static constexpr std::string_view advice =
        "each of them has to start ipcrun once (IPCRUN_BOOTSTRAP=alone: this one is by itself)";
};

}  // namespace ipcrun
