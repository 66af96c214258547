// SPDX-License-Identifier: Apache-2.0
#include <doctest/doctest.h>

#include <string>

#include "base/error.hpp"
#include "topology/link/links.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;

namespace {

std::vector<LinkOverride> parse(const std::string& text, int ranks) {
    return parse_links(text, "links.csv", ranks);
}

/// What is said of a file that cannot be read; empty: it can be.
std::string refusal(const std::string& text, int ranks) {
    try {
        (void)parse(text, ranks);
        return {};
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        return error.what();
    }
}

bool is_refused(const std::string& text, int ranks, const std::string& why) {
    const std::string said = refusal(text, ranks);
    INFO(said);
    return said.find(why) != std::string::npos;
}

}  // namespace

TEST_CASE("links file: lines name pairs, with a header and comments or without") {
    const std::vector<LinkOverride> expected{{0, 1, 1.5, 1e-4}, {1, 2, 2, 1e-3}};
    CHECK(parse("rank_a,rank_b,latency_us,gbytes_per_s\n0,1,1.5,10\n1,2,2,1\n", 3) == expected);
    CHECK(parse("# measured\n\n0,1,1.5,10 # near\n2 , 1 , 2 , 1", 3) == expected);
    CHECK(parse("rank_a, rank_b, latency_us, gbytes_per_s\r\n0,1,1.5,10\r\n\r\n1,2,2,1\r\n", 3) ==
          expected);
    CHECK(parse("0 1 1.5 10\n1 2 2 1\n", 3) == expected);
}

TEST_CASE("links file: of two directions the dearer counts, part by part") {
    CHECK(parse("0,1,1,10\n1,0,3,20\n", 2) == std::vector<LinkOverride>{{0, 1, 3, 1e-4}});
}

TEST_CASE("links file: two matrices are latencies and bandwidths") {
    const std::vector<LinkOverride> expected{{0, 1, 3, 1e-4}};
    CHECK(parse("0 2\n3 0\n\n0 10\n20 0\n", 2) == expected);
    CHECK(parse("-,2\n3,-\n\n# GB/s\n-,10\n20,-\n", 2) == expected);
}

TEST_CASE("links file: matrices of four ranks are not taken for lines") {
    const std::string latencies = "0,1,1,1\n1,0,1,1\n1,1,0,1\n1,1,1,0\n";
    CHECK(parse(latencies + "\n" + latencies, 4).size() == 6);
}

TEST_CASE("links file: matrices of another shape are refused, with the line") {
    CHECK(is_refused("0 1\n1 0\n\n0 1\n1 0\n", 3, "links.csv:1: the matrix of latencies"));
    CHECK(is_refused("0 1 1\n1 0\n\n0 1\n1 0\n", 2, "links.csv:1: this row of latencies"));
    CHECK(is_refused("0 1\n1 0\n\n0 1\n1\n", 2, "links.csv:5: this row of bandwidths"));
    CHECK(is_refused("0 1\n1 0\n\n0 1\n", 2, "links.csv:4: the matrix of bandwidths"));
    CHECK(is_refused("0 1\n1 0\n\n0 1\n1 0\n\n0 1\n1 0\n", 2, "fields"));
    CHECK(is_refused("7 1\n1 0\n\n0 1\n1 0\n", 2, "diagonal"));
}

TEST_CASE("links file: what is no number is refused, with the line") {
    CHECK(is_refused("0,1,nan,1\n", 2, "links.csv:1: 'nan' is no latency"));
    CHECK(is_refused("0,1,1,10\n0,1,1,inf\n", 2, "links.csv:2: 'inf' is no bandwidth"));
    CHECK(is_refused("0,1,-1,1\n", 2, "'-1' is no latency"));
    CHECK(is_refused("0,1,1e308,1\n", 2, "'1e308' is no latency"));
    CHECK(is_refused("0,1,1,0\n", 2, "'0' is no bandwidth"));
    CHECK(is_refused("0,1,1,-2\n", 2, "'-2' is no bandwidth"));
    CHECK(is_refused("0,1,1,1e-300\n", 2, "is no bandwidth"));
    CHECK(is_refused("0,1,1,1e999\n", 2, "is no bandwidth"));
    CHECK(is_refused("0,1,1,1e300\n", 2, "is no bandwidth"));
    CHECK(is_refused("0,1,1e300,1\n", 2, "a number from 0 to 1000000 is expected"));
    CHECK(is_refused("0,1,,1\n", 2, "'' is no latency"));
    CHECK(is_refused("0 x\n1 0\n\n0 1\n1 0\n", 2, "'x' is no latency"));
}

TEST_CASE("links file: ranks that are not there are refused") {
    CHECK(is_refused("0,2,1,1\n", 2, "there is no rank 2"));
    CHECK(is_refused("-1,1,1,1\n", 2, "'-1' is no rank"));
    CHECK(is_refused("0.5,1,1,1\n", 2, "'0.5' is no rank"));
    CHECK(is_refused("1,1,1,1\n", 2, "no link to itself"));
}

TEST_CASE("links file: garbage is refused") {
    CHECK(is_refused("", 2, "no links"));
    CHECK(is_refused("# nothing\n\n", 2, "no links"));
    CHECK(is_refused("hello\n", 2, "'hello' has 1 fields"));
    CHECK(is_refused("0,1,1\n", 2, "3 fields"));
    CHECK(is_refused("0,1,1,1,1\n", 2, "5 fields"));
    CHECK(is_refused(std::string("\0\x01\xff", 3), 2, "fields"));
    CHECK(is_refused(std::string(100000, 'x'), 2, "has 1 fields"));
    CHECK(is_refused("{\"links\": []}", 2, "fields"));
}

TEST_CASE("links file: there are limits to ranks and bytes") {
    CHECK(is_refused("0,1,1,1\n", 1025, "up to 1024 ranks"));
    CHECK(is_refused(std::string(links_bytes_max + 1, ' '), 2, "too many"));
}
