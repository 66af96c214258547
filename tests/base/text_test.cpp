// SPDX-License-Identifier: Apache-2.0
// Proves that parsing is strict and that lists come back as they were written.
#include "base/text.hpp"

#include <doctest/doctest.h>

using namespace ipcrun;

TEST_CASE("text: a number is taken whole or not at all") {
    CHECK(parse_number<int>("42") == 42);
    CHECK(parse_number<int>("-7") == -7);
    CHECK(parse_number<double>("0.25") == 0.25);
    for (const char* bad : {"", " 1", "1 ", "+1", "1x", "0x10", "99999999999", "1.5"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_number<int>(bad));
    }
    for (const char* bad : {"", "nan", "inf", "1e999", "1s"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_number<double>(bad));
    }
}

TEST_CASE("text: lists of numbers are read and written in the kernel's form") {
    CHECK(format_list({0, 1, 2, 3, 8}) == "0-3,8");
    CHECK(parse_list("0-3,8") == std::vector<int>{0, 1, 2, 3, 8});
    CHECK(parse_list("8,1,0-1") == std::vector<int>{0, 1, 8});
    CHECK(parse_list("") == std::vector<int>{});
    for (const char* bad : {"1-", "-1", "3-1", "a", "1,,2", "0-99999999"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_list(bad));
    }
}

TEST_CASE("text: an excerpt is short, and can be printed") {
    CHECK(excerpt("slot=0-3") == "slot=0-3");
    CHECK(excerpt("a\033[2J\n\xff") == "a?[2J??");
    CHECK(excerpt(std::string(1000, 'x')) == std::string(40, 'x') + "...");
}

TEST_CASE("text: trimming takes white space at both ends only") {
    CHECK(trim("  a b\n") == "a b");
    CHECK(trim(" \t\n") == "");
}

TEST_CASE("text: last words are of one line, and move no cursor") {
    CHECK(last_words("one\r\n\n  two\n", 100) == "one; two");
    CHECK(last_words("a\033[2J\ab", 100) == "a?[2J?b");
    CHECK(last_words("gr\xc3\xbc\xc3\x9f", 100) == "gr\xc3\xbc\xc3\x9f");
    CHECK(last_words("\xc2\x9b[2J\x9b", 100) == "\xc2?[2J?");
    CHECK(last_words("0123456789", 4) == "...6789");
    CHECK(last_words("\xc3\xbc\xc3\xbc", 3) == "...\xc3\xbc");
    CHECK(last_words("", 4) == "");
}
