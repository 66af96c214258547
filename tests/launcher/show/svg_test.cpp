// SPDX-License-Identifier: Apache-2.0
#include "launcher/show/svg.hpp"

#include <doctest/doctest.h>

#include <limits>

using namespace ipcrun::show;

TEST_CASE("show svg: what means something in XML is escaped") {
    CHECK(escape("a<b>&\"c'") == "a&lt;b&gt;&amp;&quot;c&#39;");
}

TEST_CASE("show svg: characters that XML forbids, and broken UTF-8, become question marks") {
    CHECK(escape("a\x01\x1b\n") == "a???");
    CHECK(escape("\u00f6\u20ac\U0001f600") == "\u00f6\u20ac\U0001f600");
    CHECK(escape("\xff\xc3") == "??");
    CHECK(escape("\xc0\xaf") == "??");
    CHECK(escape("\xed\xa0\x80") == "???");
    CHECK(escape("\xef\xbf\xbf") == "???");
}

TEST_CASE("show svg: numbers that are none become 0") {
    Svg svg;
    svg.circle(std::numeric_limits<double>::quiet_NaN(), 1.25, 3, {});
    CHECK(svg.document(10, 10, "t").find("cx=\"0\" cy=\"1.2\" r=\"3\"") != std::string::npos);
}
