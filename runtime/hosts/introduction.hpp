// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What one who dials says before the handshake: which rank it is, and which one it means. Both
/// numbers are in what the two then prove to each other.

#include <array>
#include <cstdint>
#include <span>
#include <string>

namespace ipcrun {

struct Introduction {
    std::uint32_t from = 0, to = 0;
};

constexpr std::size_t introduction_bytes = 16;
using IntroductionBytes = std::array<std::uint8_t, introduction_bytes>;

IntroductionBytes encode_introduction(const Introduction& introduction);
/// Throws Error{protocol}.
Introduction decode_introduction(std::span<const std::uint8_t, introduction_bytes> bytes);

/// The purpose of the handshake, see runtime/stream/handshake.hpp: each end says it with its own
/// number as it knows it, so that the proof fails where somebody else was reached.
std::string purpose_of(const Introduction& introduction);

}  // namespace ipcrun
