// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Why an allreduce of one size takes the algorithm that it takes, for `ipcrun --explain SIZE`.

#include <string>

#include "launcher/show/overview.hpp"

namespace ipcrun::show {

/// A table of all algorithms that can be used, fastest first, and what each does; then why the
/// others cannot be used.
std::string format_explanation(const Overview& overview, const TimesOfSize& size,
                               int columns = 100);

}  // namespace ipcrun::show
