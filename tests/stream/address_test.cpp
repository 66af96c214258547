// SPDX-License-Identifier: Apache-2.0
#include "base/address.hpp"

#include <doctest/doctest.h>

#include "tests/stream/stream_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

TEST_CASE("address: what is formatted is parsed back") {
    for (const Address& address :
         {Address{.host = "10.0.0.1", .port = 8080}, Address{.host = "node7.cluster", .port = 1},
          Address{.host = "::1", .port = 65535}, Address{.host = "fe80::1%eth0", .port = 0},
          Address{.host = "", .port = 80}, Address{.path = "/run/x"}, Address{.path = "@x"},
          Address{.path = "a:b"}})
        CHECK(parse_address(format_address(address)) == address);
}

TEST_CASE("address: texts are as people write them") {
    CHECK(format_address({.host = "10.0.0.1", .port = 8080}) == "10.0.0.1:8080");
    CHECK(format_address({.host = "::1", .port = 8080}) == "[::1]:8080");
    CHECK(format_address({.path = "/run/x"}) == "unix:/run/x");
    CHECK(format_address({.path = "@x"}) == "unix:@x");
}

TEST_CASE("address: what is none is refused, saying what is") {
    for (const std::string& text :
         {std::string(""), std::string("host"), std::string("host:"), std::string("host:65536"),
          std::string("host:-1"), std::string("host:1.5"), std::string("host:+1"),
          std::string("host: 1"), std::string("::1:80"), std::string("[::1:80"),
          std::string("::1]:80"), std::string("a b:1"), std::string("unix:"), std::string("unix:@"),
          "unix:" + std::string(108, 'x'), std::string("unix:a\0b", 8), std::string("a\0b:1", 5),
          std::string(256, 'x') + ":1"}) {
        CAPTURE(text);
        const auto [code, message] = error_of([&] { (void)parse_address(text); });
        CHECK(code == ErrorCode::usage);
        CHECK(message.find("HOST:PORT") != message.npos);
    }
    CHECK_NOTHROW((void)parse_address("unix:" + std::string(107, 'x')));
}
