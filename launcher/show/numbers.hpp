// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Numbers and names as people read them: three digits and a unit.

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

#include "launcher/show/overview.hpp"

namespace ipcrun::show {

std::string format_us(double us);              ///< "0.42 us", "12.5 us", "1.31 ms"
std::string format_rate(double gbytes_per_s);  ///< "12.5 GB/s"; "-" for 0: unknown
std::string format_bytes(double bytes);        ///< "8 B", "64 KiB", "1.5 GiB"
std::string format_count(std::int64_t count);  ///< "1,048,576"

/// The same up to ten millions, then "118 million".
std::string format_short_count(std::int64_t count);

/// "1 host", "8,192 hosts".
std::string counted(std::int64_t count, std::string_view one, std::string_view many = "");

/// "0-3,8", or "0-3,8,12 ..." where it would have more than `columns`.
std::string format_some(const std::vector<int>& numbers, std::size_t columns);

/// The range of a class: "0.42 us", or "0.42 - 1.3 us".
std::string format_latency(const ClassOfLinks& row);
std::string format_bandwidth(const ClassOfLinks& row);

/// Without what would upset a terminal: control characters become "?".
std::string printable(std::string_view text);

/// Characters, where UTF-8 has several bytes for one.
std::size_t width_of(std::string_view text);
/// At most `columns` characters, with "..." for what is left out.
std::string cut(std::string_view text, std::size_t columns);

}  // namespace ipcrun::show
