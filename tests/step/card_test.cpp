// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/card.hpp"

#include <doctest/doctest.h>

#include "tests/step/steps.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

Card full_card() {
    Card card = card_on(2);
    card.switches = "top.leaf";
    card.secret = secret_of(9);
    return card;
}

}  // namespace

TEST_CASE("card: comes out of its text as it went in") {
    CHECK(decode_card(encode_card(full_card())) == full_card());
    CHECK(decode_card(encode_card({})) == Card());
}

TEST_CASE("card: a text that is cut anywhere is an error") {
    const std::string text = encode_card(full_card());
    for (std::size_t length = 0; length < text.size(); ++length) {
        CAPTURE(length);
        CHECK(code_of([&] { decode_card(std::string_view(text).substr(0, length)); }) ==
              ErrorCode::protocol);
    }
}

TEST_CASE("card: a text with something behind it is an error") {
    CHECK(code_of([] { decode_card(encode_card(full_card()) + '\0'); }) == ErrorCode::protocol);
}

TEST_CASE("card: that of another version is an error that says what to do") {
    Card other = full_card();
    other.version = Card().version + 1;
    const auto decode = [&] { decode_card(encode_card(other) + "and what that has more"); };
    CHECK(code_of(decode) == ErrorCode::protocol);
    CHECK(error_of(decode).find("another version (2 where this one is 1)") != std::string::npos);
}

TEST_CASE("card: a process has one node id, which another name of the node changes") {
    const std::string id = own_node_id();
    CHECK(own_node_id() == id);
    const char* const before = std::getenv("SLURMD_NODENAME");
    const std::string name = before == nullptr ? "" : before;
    ::setenv("SLURMD_NODENAME", (name + "x").c_str(), 1);
    CHECK(own_node_id() != id);
    if (before == nullptr)
        ::unsetenv("SLURMD_NODENAME");
    else
        ::setenv("SLURMD_NODENAME", name.c_str(), 1);
    CHECK(own_node_id() == id);
}
