// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/numbers.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace ipcrun::show;

TEST_CASE("show numbers: times have three digits and the unit that fits") {
    CHECK(format_us(0.42) == "0.42 us");
    CHECK(format_us(0.0421) == "0.042 us");
    CHECK(format_us(12.54) == "12.5 us");
    CHECK(format_us(999.4) == "999 us");
    CHECK(format_us(999.6) == "1.00 ms");
    CHECK(format_us(2.5e6) == "2.50 s");
    CHECK(format_us(std::numeric_limits<double>::infinity()) == "-");
}

TEST_CASE("show numbers: what is unknown is a dash, and not 0 GB/s") {
    CHECK(format_rate(12.5) == "12.5 GB/s");
    CHECK(format_rate(0.0308) == "30.8 MB/s");
    CHECK(format_rate(2e-6) == "2.00 KB/s");
    CHECK(format_rate(0) == "-");
}

TEST_CASE("show numbers: sizes are in powers of 1024") {
    CHECK(format_bytes(8) == "8 B");
    CHECK(format_bytes(65536) == "64 KiB");
    CHECK(format_bytes(1.5 * 1048576) == "1.5 MiB");
}

TEST_CASE("show numbers: counts have commas and plurals") {
    CHECK(format_count(0) == "0");
    CHECK(format_count(1048576) == "1,048,576");
    CHECK(format_short_count(9999999) == "9,999,999");
    CHECK(format_short_count(547608330240) == "548 billion");
    CHECK(counted(1, "host") == "1 host");
    CHECK(counted(8192, "host") == "8,192 hosts");
    CHECK(counted(2, "switch", "switches") == "2 switches");
}

TEST_CASE("show numbers: a class whose pairs differ has a range") {
    ClassOfLinks row{.least = {.latency_us = 0.4, .us_per_byte = 1e-4},
                     .most = {.latency_us = 1.25, .us_per_byte = 2e-4}};
    CHECK(format_latency(row) == "0.40 - 1.25 us");
    CHECK(format_bandwidth(row) == "5.00 - 10.0 GB/s");
    row.most = row.least;
    CHECK(format_latency(row) == "0.40 us");
}

TEST_CASE("show numbers: long lists are cut behind a number") {
    CHECK(format_some({0, 1, 2, 8}, 20) == "0-2,8");
    CHECK(format_some({10, 20, 30, 40, 50}, 13) == "10,20,30 ...");
}

TEST_CASE("show numbers: text is cut by characters, not by bytes") {
    CHECK(width_of("n\u00f6de") == 4);
    CHECK(cut("n\u00f6de", 4) == "n\u00f6de");
    CHECK(cut("\u00f6\u00f6\u00f6\u00f6\u00f6", 4) == "\u00f6...");
}

TEST_CASE("show numbers: control characters cannot reach a terminal") {
    CHECK(printable("a\x1b[2Jb\n") == "a?[2Jb?");
}
