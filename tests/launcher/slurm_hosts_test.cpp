// SPDX-License-Identifier: Apache-2.0
// Proves that lists of nodes are read and written as Slurm does it, and nothing else is read.
#include "launcher/hosts/slurm_hosts.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <random>

#include "base/error.hpp"

using namespace ipcrun;

namespace {

using Names = std::vector<std::string>;

Names parse(std::string_view text) {
    return parse_slurm_hosts("variable SLURM_JOB_NODELIST", text);
}

std::string refusal(std::string_view text) {
    try {
        (void)parse(text);
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        return error.what();
    }
    return "accepted";
}

}  // namespace

TEST_CASE("slurm hosts: a list stands for its nodes, in their order") {
    CHECK(parse("h1") == Names{"h1"});
    CHECK(parse("h[1-3]") == Names{"h1", "h2", "h3"});
    CHECK(parse("node[08-10,2],login") == Names{"node08", "node09", "node10", "node2", "login"});
    CHECK(parse("r[1-2]n[1-2]") == Names{"r1n1", "r1n2", "r2n1", "r2n2"});
    CHECK(parse("a-b_c.example.org,7,[17-18]") == Names{"a-b_c.example.org", "7", "17", "18"});
}

TEST_CASE("slurm hosts: what is no list of nodes is quoted") {
    const struct {
        const char* text;
        const char* message;
    } wrong[] = {
        {"", "no node is named"},
        {"(null)", "'(' is in no name"},
        {"h1,", "a comma with no host"},
        {"h1,,h2", "a comma with no host"},
        {"h1:2", "'h1:2': a node has no ':' in its name"},
        {"me@h1", "'me@h1' is no name of a node"},
        {"[fe80::1]", "has several ':'"},
        {"h+", "'h+' is no name of a node"},
        {"h%", "'h%' is no name of a node"},
        {"[1-2]:3", "'[1-2]:3': a node has no ':' in its name"},
        {"[]", "is no range of numbers"},
        {"h 1", "' ' is in no name"},
        {" h1", "' ' is in no name"},
        {"h1\n", "'?' is in no name"},
        {"-h1", "begins with '-'"},
        {"h[1-", "has a '[' and no ']'"},
        {"h[2-1]", "runs backwards"},
        {"h[1-04]", "have different widths"},
        {"h1,h2,h1", "the node 'h1' is named twice"},
        {"h[1-3],h2", "the node 'h2' is named twice"},
    };
    for (const auto& [text, message] : wrong) {
        CAPTURE(text);
        const std::string said = refusal(text);
        CAPTURE(said);
        CHECK(said.starts_with("variable SLURM_JOB_NODELIST: "));
        CHECK(said.find(message) != said.npos);
    }
}

TEST_CASE("slurm hosts: no list is too large for this machine") {
    for (const char* text :
         {"h[0-1048576]", "h[0-1048575],login", "h[0-999999999999999999]", "h[0-9999][0-9999]"}) {
        CAPTURE(text);
        CHECK(refusal(text).find("more than 1048576") != std::string::npos);
    }
}

TEST_CASE("slurm hosts: neighbours share a bracket") {
    const struct {
        Names names;
        const char* text;
    } lists[] = {
        {{}, ""},
        {{"h1"}, "h1"},
        {{"login"}, "login"},
        {{"h1", "h2", "h3"}, "h[1-3]"},
        {{"h1", "h3", "h4", "login", "m1"}, "h[1,3-4],login,m1"},
        {{"h9", "h10"}, "h[9-10]"},
        {{"h08", "h09", "h10"}, "h[08-10]"},
        {{"h98", "h099", "h100"}, "h[98,099-100]"},
        {{"h09", "h9", "h10"}, "h[09,9-10]"},
        {{"h99", "h100"}, "h[99-100]"},
        {{"h00", "h1"}, "h[00,1]"},
        {{"h3", "h2", "h1"}, "h[3,2,1]"},
        {{"h1", "m1", "h2"}, "h1,m1,h2"},
        {{"r1n1", "r1n2", "r2n1"}, "r1n[1-2],r2n1"},
        {{"17", "18", "x"}, "[17-18],x"},
        {{"17", "x"}, "17,x"},
        {{"10.0.0.7", "10.0.0.8"}, "10.0.0.[7-8]"},
        {{"h1x", "h2x"}, "h1x,h2x"},
        {{"n20261123000009", "n20261123000010"}, "n[20261123000009-20261123000010]"},
        {{"n1234567890123456789", "n1234567890123456790"},
         "n1234567890123456789,n1234567890123456790"},
    };
    for (const auto& [names, text] : lists) {
        CAPTURE(text);
        CHECK(format_slurm_hosts(names) == text);
        if (!names.empty()) CHECK(parse(text) == names);
    }
}

TEST_CASE("slurm hosts: what is written is read as it was") {
    std::mt19937 random(7);
    const Names stems = {"h", "m0", "r1n", "", "a-"};
    for (int i = 0; i < 2000; ++i) {
        Names names;
        for (unsigned count = random() % 12 + 1; count > 0; --count) {
            std::string number = std::to_string(random() % 12 + 95 * (random() % 2));
            if (random() % 3 == 0) number.insert(0, random() % 3, '0');
            names.push_back(stems[random() % stems.size()] + number);
            if (std::find(names.begin(), names.end() - 1, names.back()) != names.end() - 1)
                names.pop_back();
        }
        const std::string text = format_slurm_hosts(names);
        CAPTURE(text);
        CHECK(parse(text) == names);
    }
}
