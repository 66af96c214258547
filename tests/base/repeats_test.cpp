// SPDX-License-Identifier: Apache-2.0
// Proves that counts by node are read as Slurm writes them, and that nothing else is, however
// large.
#include "base/repeats.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace ipcrun;

using Counts = std::vector<int>;

TEST_CASE("repeats: a count stands for as many nodes as it says") {
    CHECK(parse_repeats("4") == Counts{4});
    CHECK(parse_repeats("2(x3),1") == Counts{2, 2, 2, 1});
    CHECK(parse_repeats("4,2,1(x2)") == Counts{4, 2, 1, 1});
    CHECK(parse_repeats("1,2,1") == Counts{1, 2, 1});
    CHECK(parse_repeats("3(x1),3") == Counts{3, 3});
    CHECK(parse_repeats("2147483647") == Counts{2147483647});
}

TEST_CASE("repeats: what Slurm does not write is refused") {
    for (const char* bad :
         {"",       ",",    "1,",      ",1",         "1,,1",   "0",       "-1",     "+1",
          "0(x2)",  "a",    "1 ",      " 1",         "1.0",    "0x2",     "2(3)",   "2(x)",
          "2(x3",   "2x3)", "2x3",     "2(X3)",      "2(x0)",  "2(x-1)",  "2(x+1)", "2(x3))",
          "2((x3)", "(x3)", "2(x3)4",  "2(x3)(x2)",  "2( x3)", "2(x 3)",  "2(x3),", "2 (x3)",
          "2(",     "2()",  "2(x2,3)", "2147483648", "1\n",    "2(x3.0)", "(null)", "n[1-2]"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_repeats(bad));
    }
    CHECK_FALSE(parse_repeats(std::string_view("1\0", 2)));
}

TEST_CASE("repeats: no list is too large for this machine") {
    REQUIRE(parse_repeats("2(x1048576)"));
    CHECK(parse_repeats("2(x1048576)")->size() == repeats_max);
    CHECK(parse_repeats("2(x1048575),7")->back() == 7);
    for (const char* bad : {"2(x1048577)", "2(x1048576),7", "1,2(x1048576)", "1(x2147483647)",
                            "1(x2147483648)", "1(x4294967297)", "1(x99999999999999999999)",
                            "1(x1000000),1(x1000000)", "1(x2147483647),1(x2147483647)"}) {
        CAPTURE(bad);
        CHECK_FALSE(parse_repeats(bad));
    }
    std::string many = "1";
    for (int i = 0; i < repeats_max; ++i) many += ",1";
    CHECK_FALSE(parse_repeats(many));
}

TEST_CASE("repeats: equal neighbours are written once") {
    CHECK(format_repeats({}) == "");
    CHECK(format_repeats({4}) == "4");
    CHECK(format_repeats({2, 2, 2, 1}) == "2(x3),1");
    CHECK(format_repeats({1, 2, 2, 1, 1}) == "1,2(x2),1(x2)");
}

TEST_CASE("repeats: what is written is read as it was") {
    std::mt19937 random(7);
    for (int i = 0; i < 1000; ++i) {
        Counts counts(random() % 20 + 1);
        for (int& count : counts) count = static_cast<int>(random() % 3 + 1);
        CAPTURE(format_repeats(counts));
        CHECK(parse_repeats(format_repeats(counts)) == counts);
    }
}
