// SPDX-License-Identifier: Apache-2.0
#include "runtime/hosts/introduction.hpp"

#include <cstring>

#include "base/bytes.hpp"

namespace ipcrun {

namespace {

// "ipcranks".
constexpr std::uint64_t magic = 0x736b'6e61'7263'7069;

}  // namespace

IntroductionBytes encode_introduction(const Introduction& introduction) {
    IntroductionBytes result;
    std::memcpy(result.data(), &magic, sizeof magic);
    std::memcpy(result.data() + 8, &introduction.from, sizeof introduction.from);
    std::memcpy(result.data() + 12, &introduction.to, sizeof introduction.to);
    return result;
}

Introduction decode_introduction(std::span<const std::uint8_t, introduction_bytes> bytes) {
    Decoder in(bytes);
    if (in.number<std::uint64_t>() != magic)
        fail(ErrorCode::protocol, "what has connected is no rank");
    const auto from = in.number<std::uint32_t>();
    return {from, in.number<std::uint32_t>()};
}

std::string purpose_of(const Introduction& introduction) {
    return fmt::format("rank {} to rank {}", introduction.from, introduction.to);
}

}  // namespace ipcrun
