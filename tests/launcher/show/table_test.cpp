// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/table.hpp"

#include <doctest/doctest.h>

using namespace ipcrun::show;

TEST_CASE("show table: columns are aligned, and lines do not end with blanks") {
    CHECK(lay_out({{"a", "b"}, {"100", "x"}, {"7", "longer"}}, "rl") ==
          Lines{"  a  b", "100  x", "  7  longer"});
}

TEST_CASE("show table: a column that has nothing but a heading is left out") {
    CHECK(lay_out({{"rank", "GPU", "NIC"}, {"0", "-", "m"}, {"1", "", "n"}}, "rll") ==
          Lines{"rank  NIC", "   0  m", "   1  n"});
}

TEST_CASE("show table: texts stand side by side where there is room") {
    CHECK(beside({"left"}, {"one", "two"}, 20) == Lines{"left    one", "        two"});
    CHECK(beside({"left"}, {"one", "two"}, 10) == Lines{"left", "one", "two"});
}

TEST_CASE("show table: prose is wrapped between words") {
    CHECK(wrap("one two three", 8) == Lines{"one two", "three"});
    CHECK(wrap("incomprehensible", 8) == Lines{"incom..."});
}
