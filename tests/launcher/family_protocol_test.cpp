// SPDX-License-Identifier: Apache-2.0
// Proves that what a parent and its agent say comes back as it was sent, and that damaged messages
// are refused.
#include "runtime/wire/family_protocol.hpp"

#include <doctest/doctest.h>

#include "base/error.hpp"
#include "base/socket.hpp"

using namespace ipcrun;

namespace {

template <typename Message, typename Decode>
void check_damaged(const Message& message, Decode decode) {
    const Bytes bytes = encode(message);
    CHECK(encode(decode(bytes)) == bytes);
    for (std::size_t size = 0; size < bytes.size(); ++size) {
        CAPTURE(size);
        CHECK_THROWS_AS((void)decode(std::span(bytes).first(size)), Error);
    }
    Bytes longer = bytes;
    longer.push_back(0);
    CHECK_THROWS_AS((void)decode(longer), Error);
}

}  // namespace

TEST_CASE("family protocol: every message comes back as sent, and none of its beginnings does") {
    for (const ToFamilyAgent& message :
         {ToFamilyAgent(Hello{1, 42}), ToFamilyAgent(Spawn{7, "lua", {"lua", "", "a b"}, {"A=b"}}),
          ToFamilyAgent(SignalChild{7, 15}), ToFamilyAgent(CloseAll{500})})
        check_damaged(message, decode_to_family_agent);
    for (const ToParent& message :
         {ToParent(Spawned{7, 4242}), ToParent(NotSpawned{7, "no"}),
          ToParent(ChildEnded{7, 256, true, std::string("a\0b", 3)}), ToParent(Closed{2})})
        check_damaged(message, decode_to_parent);
}

TEST_CASE("family protocol: the fields of a spawn and of an end arrive in their places") {
    const auto decoded = decode_to_family_agent(
        encode(ToFamilyAgent(Spawn{3, "p", {"q", "r"}, {"A=b", "C="}, {1, 2, 3}})));
    const auto& spawn = std::get<Spawn>(decoded);
    CHECK(spawn.id == 3);
    CHECK(spawn.program == "p");
    CHECK(spawn.argv == std::vector<std::string>{"q", "r"});
    CHECK(spawn.environment == std::vector<std::string>{"A=b", "C="});
    CHECK(spawn.secret == JobSecret{1, 2, 3});
    const auto told = decode_to_parent(encode(ToParent(ChildEnded{4, 9, true, "why"})));
    const auto& end = std::get<ChildEnded>(told);
    CHECK(end.id == 4);
    CHECK(end.wait_status == 9);
    CHECK(end.out_of_memory);
    CHECK(end.report == "why");
}

TEST_CASE("family protocol: unknown messages, and truths that are none, are refused") {
    CHECK_THROWS_AS((void)decode_to_family_agent(Bytes{4}), Error);
    CHECK_THROWS_AS((void)decode_to_parent(Bytes{4}), Error);
    Bytes end = encode(ToParent(ChildEnded{1, 2, true, ""}));
    end[9] = 2;  // neither true nor false
    CHECK_THROWS_AS((void)decode_to_parent(end), Error);
}

TEST_CASE("family protocol: a long report is cut, arguments that are too long are refused") {
    const std::string long_text(1 << 20, 'x');
    CHECK(encode(ToParent(ChildEnded{1, 0, false, long_text})).size() <= packet_bytes_max);
    try {
        (void)encode(ToFamilyAgent(Spawn{1, "prog", {long_text}, {}}));
        FAIL("no error");
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        CHECK(std::string(error.what()).find("start 'prog': its arguments") == 0);
    }
    const Bytes fitting = encode(ToFamilyAgent(Spawn{1, "p", {std::string(60'000, 'x')}, {}}));
    CHECK(fitting.size() <= packet_bytes_max);
}
