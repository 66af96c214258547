// SPDX-License-Identifier: Apache-2.0
// Proves that the agent's greeting is found behind whatever login shells print, in whatever pieces
// it comes, and that what cannot be a greeting of this version is told in time.
#include "launcher/hosts/greeting.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <string>

#include "base/error.hpp"
#include "launcher/agent_protocol.hpp"

using namespace ipcrun;

namespace {

std::span<const std::uint8_t> bytes_of(std::string_view text) {
    return {reinterpret_cast<const std::uint8_t*>(text.data()), text.size()};
}

std::optional<std::string> feed(GreetingReader& reader, std::string_view text) {
    const auto rest = reader.feed(bytes_of(text));
    if (!rest) return std::nullopt;
    return std::string(rest->begin(), rest->end());
}

std::string failure_of(std::string_view text) {
    GreetingReader reader;
    try {
        (void)reader.feed(bytes_of(text));
    } catch (const Error& error) {
        return error.what();
    }
    return "";
}

const std::string greeting(agent_greeting);

}  // namespace

TEST_CASE("greeting: what follows it belongs to the frames") {
    GreetingReader reader;
    CHECK(feed(reader, greeting + "\1\0\0") == std::string("\1\0\0"));
    CHECK(reader.before().empty());
}

TEST_CASE("greeting: is found behind what others print, be it like one") {
    for (const std::string before :
         {"Welcome\n", "no line end", "ipcrun-agent 5", "\nipcrun-agent \n", "\nipcrun-agent 4x\n",
          "\n\n\n", "\nipcrun-agent 5\r\n", "\nipcrun-agent 1234567\n"}) {
        CAPTURE(before);
        GreetingReader whole;
        CHECK(feed(whole, before + greeting + "rest") == "rest");
        GreetingReader in_bytes;
        for (const char character : before + greeting.substr(0, greeting.size() - 1))
            CHECK_FALSE(feed(in_bytes, {&character, 1}));
        CHECK(feed(in_bytes, "\n") == "");
    }
}

TEST_CASE("greeting: what came before it can be shown") {
    GreetingReader reader;
    CHECK_FALSE(feed(reader, "Welcome\r\n\033[2Jto h2\n"));
    CHECK(reader.before() == "Welcome; ?[2Jto h2");
    CHECK(feed(reader, greeting) == "");
    CHECK(reader.before() == "Welcome; ?[2Jto h2");
}

TEST_CASE("greeting: that of another version is an error that says which") {
    for (const char* version : {"1", "99", "03"}) {
        CAPTURE(version);
        const std::string why = failure_of("hello\nipcrun-agent " + std::string(version) + "\n");
        CHECK(why.find("speaks version " + std::string(version) + " ") != std::string::npos);
        CHECK(why.find("--agent-path") != std::string::npos);
    }
}

TEST_CASE("greeting: too much without one is an error that shows the last of it") {
    GreetingReader reader;
    CHECK_FALSE(feed(reader, std::string(before_greeting_max, 'x')));
    CHECK_THROWS_AS((void)reader.feed(bytes_of("and still none")), Error);
    CHECK(failure_of(std::string(2 * before_greeting_max, 'x') + "yes").find("xxyes'") !=
          std::string::npos);
    CHECK(failure_of(std::string(before_greeting_max, 'x') + greeting).empty());
    CHECK_FALSE(failure_of(std::string(before_greeting_max + 1, 'x') + greeting).empty());
}
