// SPDX-License-Identifier: Apache-2.0
#pragma once
/// Failure as an exception: what was attempted, on what, and why. Expected outcomes are return
/// values instead; see docs/STYLE.md.

#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>

namespace ipcrun {

/// The stable set of failure kinds; the same spelling in C++, in Lua and in the manual pages.
enum class ErrorCode {
    usage,        ///< the caller asked for something that makes no sense
    config,       ///< the machine or the environment is set up in a way that cannot work
    system,       ///< the kernel refused; `system_errno` says why
    peer_lost,    ///< a rank died, left or was given up; `rank` names it
    timeout,      ///< the deadline of the call passed
    mismatch,     ///< ranks called different operations, or with different shapes
    protocol,     ///< bytes that no correct peer sends
    unsupported,  ///< known, but not on this machine or in this build
    internal,     ///< a bug of ipcrun
};

/// The name of `code` as users see it, for example "peer_lost".
std::string_view name_of(ErrorCode code);

struct Error : std::runtime_error {
    Error(ErrorCode error_code, const std::string& message, int error_number = 0,
          std::optional<int> lost_rank = std::nullopt)
        : std::runtime_error(message),
          code(error_code),
          system_errno(error_number),
          rank(lost_rank) {}

    ErrorCode code;
    int system_errno;         ///< 0 unless `code` is system
    std::optional<int> rank;  ///< the rank that the failure is about, where there is one
};

}  // namespace ipcrun
