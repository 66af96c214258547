// SPDX-License-Identifier: Apache-2.0
// Proves that lines come out whole, in order, and untorn.
#include "launcher/lines.hpp"

#include <doctest/doctest.h>

#include <random>

using namespace ipcrun;

TEST_CASE("lines: what is not finished waits") {
    LineAssembler lines(true);
    CHECK(lines.take("one") == "");
    CHECK(lines.take(" two\nthree") == "one two\n");
    CHECK(lines.take("") == "");
    CHECK(lines.finish() == "three");
    CHECK(lines.finish() == "");
}

TEST_CASE("lines: a carriage return ends a line too") {
    LineAssembler lines(true);
    CHECK(lines.take("10 %\r20") == "10 %\r");
    CHECK(lines.take(" %\r\nend") == "20 %\r\n");
}

TEST_CASE("lines: a single rank is not held up") {
    LineAssembler lines(false);
    CHECK(lines.take("name? ") == "name? ");
    CHECK(lines.finish() == "");
}

TEST_CASE("lines: a line that is too long goes in pieces") {
    LineAssembler lines(true);
    const std::string half(line_bytes_max / 2 + 1, 'x');
    CHECK(lines.take(half) == "");
    CHECK(lines.take(half) == half);
    CHECK(lines.take("end\n") == half + "end\n");
}

TEST_CASE("lines: nothing is lost or moved, however the bytes come in") {
    std::mt19937 random(20240501);
    for (int round = 0; round < 200; ++round) {
        LineAssembler lines(true);
        std::string in;
        std::string out;
        for (int piece = 0; piece < 50; ++piece) {
            std::string bytes(random() % 9, 'a');
            for (char& byte : bytes) byte = "ab\n\r"[random() % 4];
            in += bytes;
            const std::string ready = lines.take(bytes);
            CHECK((ready.empty() || ready.back() == '\n' || ready.back() == '\r'));
            out += ready;
        }
        CHECK(out + lines.finish() == in);
    }
}

TEST_CASE("mixing: an unfinished line is ended when another rank's follows") {
    LineMixer mixer(false);
    CHECK(mixer.mix(0, "half") == "half");
    CHECK(mixer.mix(0, " line") == " line");
    CHECK(mixer.mix(1, "other\n") == "\nother\n");
    CHECK(mixer.mix(0, "more\n") == "more\n");
}

TEST_CASE("mixing: the launcher's own text begins a line") {
    LineMixer mixer(false);
    CHECK(mixer.end_line() == "");
    CHECK(mixer.mix(0, "50 %\r") == "50 %\r");
    CHECK(mixer.end_line() == "\n");
    CHECK(mixer.end_line() == "");
}

TEST_CASE("mixing: a newline that comes late after a carriage return makes no empty line") {
    LineMixer mixer(false);
    CHECK(mixer.mix(0, "50 %\r") == "50 %\r");
    CHECK(mixer.mix(1, "x\n") == "\nx\n");
    CHECK(mixer.mix(0, "\nnext\n") == "next\n");
    CHECK(mixer.mix(1, "\n") == "\n");
}

TEST_CASE("mixing: every line has its tag, also when it comes in pieces") {
    LineMixer mixer(true);
    CHECK(mixer.mix(3, "a\nb\n") == "[3] a\n[3] b\n");
    CHECK(mixer.mix(3, "half") == "[3] half");
    CHECK(mixer.mix(3, " line\nc") == " line\n[3] c");
    CHECK(mixer.mix(4, "d\n") == "\n[4] d\n");
    CHECK(mixer.mix(3, "rest\n\n") == "[3] rest\n[3] \n");
    CHECK(mixer.mix(3, "1\r2\r\n") == "[3] 1\r[3] 2\r\n");
}
