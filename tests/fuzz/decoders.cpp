// SPDX-License-Identifier: Apache-2.0
// A libFuzzer target for all that decodes bytes of another process. What it accepts must be what
// encoding gives back: a decoder that skips or invents bytes is found too.
#include <algorithm>
#include <cstddef>
#include <cstdint>
#include <optional>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "launcher/agent_protocol.hpp"
#include "launcher/bootstrap/card_text.hpp"
#include "launcher/frames.hpp"
#include "launcher/hosts/greeting.hpp"
#include "launcher/process_table.hpp"
#include "launcher/step/card.hpp"
#include "launcher/step/messages.hpp"
#include "runtime/wire/family_protocol.hpp"
#include "runtime/wire/step_protocol.hpp"
#include "runtime/wire/worker_protocol.hpp"
#include "tests/fuzz/seeds.hpp"

using namespace ipcrun;

namespace {

template <typename Decode>
void try_decode(std::span<const std::uint8_t> bytes, Decode decode) {
    try {
        const auto message = decode(bytes);
        const Bytes again = encode(message);
        // Compared as bytes: a number that is not one is unequal to itself. Texts of reports may be
        // cut to fit a packet, never grow.
        check(again.size() <= bytes.size(), "a message grew");
        check(encode(decode(again)) == again, "a message changed");
    } catch (const Error& error) {
        check(error.code == ErrorCode::protocol, "a decoder failed for another reason than bytes");
    }
}

void try_card(std::string_view text) {
    try {
        check(encode_card(decode_card(text)) == text, "a card changed");
    } catch (const Error& error) {
        check(error.code == ErrorCode::protocol, "a card failed for another reason than bytes");
    }
}

// A line is a piece.
void try_card_text(std::string_view text) {
    std::vector<std::string> pieces;
    for (const std::string_view piece : split(text, '\n')) pieces.emplace_back(piece);
    try {
        constexpr std::size_t chars_max = 32;
        const std::string card = join_card(pieces);
        // In the shortest pieces a card may have more of them than one can be of.
        if (card.size() < 4096)
            check(join_card(cut_card(card, chars_max)) == card, "the text of a card changed it");
    } catch (const Error& error) {
        check(error.code == ErrorCode::protocol, "a card failed for another reason than its text");
    }
}

// In whatever pieces it comes.
void find_greeting(std::span<const std::uint8_t> bytes) {
    const auto find = [&](std::size_t piece_bytes) -> std::optional<Bytes> {
        GreetingReader reader;
        for (std::size_t at = 0; at < bytes.size();) {
            const auto piece = bytes.subspan(at, std::min(piece_bytes, bytes.size() - at));
            at += piece.size();
            if (auto rest = reader.feed(piece)) {
                rest->insert(rest->end(), bytes.begin() + static_cast<std::ptrdiff_t>(at),
                             bytes.end());
                return rest;
            }
        }
        (void)reader.before();
        return std::nullopt;
    };
    try {
        check(find(1) == find(bytes.size() + 1), "a greeting depends on pieces");
    } catch (const Error& error) {
        check(error.code == ErrorCode::protocol, "a greeting failed for another reason than bytes");
    }
}

}  // namespace

void fuzz::add_seeds(Seeds& seeds) {
    Launch launch{.program = "/bin/true", .argv = {"true", "1"}, .environment = {"A=b"}};
    launch.ranks.push_back({.cpus = {0, 2}, .memory_nodes = {0}, .environment = {"C=d"}});
    seeds.add(0, encode(ToAgent(launch)));
    seeds.add(0, encode(ToAgent(Consumed{Stream::err, 7})));
    seeds.add(0, encode(ToAgent(Input{"a line"})));
    seeds.add(1, encode(ToLauncher(LaunchRefused{true, "no program"})));
    seeds.add(1, encode(ToLauncher(Output{3, Stream::out, "a line"})));
    seeds.add(1, encode(ToLauncher(Ended{.rank = 1, .pid = 7, .wait_status = 9})));
    seeds.add(2, encode(WorkerMessage(Join{.pid = 7})));
    seeds.add(2, encode(WorkerMessage(OpenQueue{1, "name", 9})));
    seeds.add(5, "7 (a name) S 1 7 7 0 -1 4194304 0 0 0 0 0 0 0 0 20 0 1 0 99");
    seeds.add(7, "Welcome\nipcrun-agent x" + std::string(agent_greeting) + "frames");
    seeds.add(7, "\nipcrun-agent 99\n");
    seeds.add(8, encode(StepMessage(AgentHere{1})));
    seeds.add(8, encode(StepMessage(MetAll{{.host = "a", .numa_nodes = {{}}}})));
    seeds.add(8, encode(StepMessage(StepPlan{{-1, 0, 0}})));
    seeds.add(8, encode(StepMessage(RankOver{1, 9})));
    seeds.add(9, encode_card({.node_id = "n", .host = "h", .address = "10.0.0.1:1"}));
    seeds.add(10, encode(StepAnswer(Seated{{"A=1", "B="}})));
    seeds.add(10, encode(StepAnswer(NotSeated{ErrorCode::config, "why"})));
    seeds.add(11, "2:aGVs\nbG8");
    seeds.add(6, std::string_view("\1\0\0\0x\2\0\0\0xy", 11));
}

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
    if (size == 0) return 0;
    const auto bytes = std::span(data, size).subspan(1);
    const std::string_view text{reinterpret_cast<const char*>(bytes.data()), bytes.size()};
    switch (data[0] % 12) {
        case 0:
            try_decode(bytes, decode_to_agent);
            break;
        case 1:
            try_decode(bytes, decode_to_launcher);
            break;
        case 2:
            try_decode(bytes, decode_worker_message);
            break;
        case 3:
            try_decode(bytes, decode_to_family_agent);
            break;
        case 4:
            try_decode(bytes, decode_to_parent);
            break;
        case 5:
            (void)parse_stat(text);
            break;
        case 7:
            find_greeting(bytes);
            break;
        case 8:
            try_decode(bytes, decode_step_message);
            break;
        case 9:
            try_card(text);
            break;
        case 10:
            try_decode(bytes, decode_step_answer);
            break;
        case 11:
            try_card_text(text);
            break;
        default:
            try {
                FrameReader reader;
                for (const std::uint8_t& byte : bytes) {
                    reader.feed({&byte, 1});
                    while (reader.next()) {
                    }
                }
            } catch (const Error&) {
                // A length beyond the limit.
            }
    }
    return 0;
}
