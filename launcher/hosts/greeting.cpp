// SPDX-License-Identifier: Apache-2.0
#include "launcher/hosts/greeting.hpp"

#include <algorithm>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "launcher/agent_protocol.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t shown_bytes_max = 200;
constexpr std::size_t digits_max = 6;  // of a version

// "\nipcrun-agent ", the same in all versions; the number and "\n" follow.
constexpr std::string_view opening = agent_greeting.substr(0, agent_greeting.find_last_of(' ') + 1);
constexpr std::string_view own_version =
    agent_greeting.substr(opening.size(), agent_greeting.size() - opening.size() - 1);

bool is_digit(char character) {
    return character >= '0' && character <= '9';
}

}  // namespace

std::optional<Bytes> GreetingReader::feed(std::span<const std::uint8_t> bytes) {
    seen_.append(bytes.begin(), bytes.end());
    for (;;) {
        const auto found = seen_.find(opening, searched_);
        const bool is_found = found != seen_.npos;
        const auto begin = is_found ? found : seen_.size();
        // A part of it may stand at the end.
        const std::size_t part_max = is_found ? 0 : opening.size() - 1;
        if (begin > before_greeting_max + part_max)
            fail(ErrorCode::protocol,
                 "more than {} bytes came before the agent spoke (does a start-up file of the "
                 "login shell print them?): '{}'",
                 before_greeting_max, last_words(seen_.substr(0, begin), shown_bytes_max));
        if (!is_found) {
            searched_ = seen_.size() - std::min(seen_.size(), part_max);
            return std::nullopt;
        }
        searched_ = begin;
        const std::string_view rest = std::string_view(seen_).substr(begin + opening.size());
        const auto digits = static_cast<std::size_t>(
            std::find_if_not(rest.begin(), rest.end(), is_digit) - rest.begin());
        if (digits == rest.size() && digits <= digits_max) return std::nullopt;
        if (digits == 0 || digits > digits_max || rest[digits] != '\n') {
            ++searched_;  // somebody else's line
            continue;
        }
        const std::string_view version = rest.substr(0, digits);
        if (version != own_version)
            fail(ErrorCode::protocol,
                 "the ipcrun on that host speaks version {} of the protocol, this one {}: install "
                 "the same version there, or name it by --agent-path (IPCRUN_AGENT_PATH, for "
                 "parallel)",
                 version, own_version);
        const std::string_view frames = rest.substr(digits + 1);
        Bytes following(frames.begin(), frames.end());
        seen_.resize(begin);
        return following;
    }
}

std::string GreetingReader::before() const {
    return last_words(seen_, shown_bytes_max);
}

}  // namespace ipcrun
