// SPDX-License-Identifier: Apache-2.0
// Proves that hosts are understood in every form that is documented, and that whatever makes no
// sense is quoted in one line, and costs neither time nor memory.
#include "launcher/hosts/host_list.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <cctype>
#include <string>

#include "base/error.hpp"

using namespace ipcrun;

namespace {

using Hosts = std::vector<NamedHost>;

Hosts list(std::string_view text) {
    return parse_host_list("option --hosts", text);
}

template <typename Function>
std::string refusal(Function function) {
    try {
        (void)function();
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        const std::string text = error.what();
        CHECK(text.size() < 300);
        CHECK(std::all_of(text.begin(), text.end(),
                          [](unsigned char byte) { return std::isprint(byte) != 0; }));
        return text;
    }
    return "accepted";
}

std::string list_refusal(std::string_view text) {
    return refusal([&] { return list(text); });
}

std::string file_refusal(std::string_view text) {
    return refusal([&] { return parse_hostfile(text, "hosts"); });
}

bool contains(const std::string& text, std::string_view part) {
    return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("host list: names, addresses and users stand as ssh takes them") {
    CHECK(list("node01:2,login,10.0.0.7:4,[fe80::1]:2,me@big.example.org:1") ==
          Hosts{{"node01", 2},
                {"login", 0},
                {"10.0.0.7", 4},
                {"fe80::1", 2},
                {"me@big.example.org", 1}});
    CHECK(list(" a , b:2 ") == Hosts{{"a", 0}, {"b", 2}});
    CHECK(list("me@[::1],[fe80::1%eth0]:3") == Hosts{{"me@::1", 0}, {"fe80::1%eth0", 3}});
    CHECK(list("me@REALM@host:2") == Hosts{{"me@REALM@host", 2}});
}

TEST_CASE("host list: a range stands for as many hosts, with its zeros") {
    CHECK(list("n[08-10,2]:3") == Hosts{{"n08", 3}, {"n09", 3}, {"n10", 3}, {"n2", 3}});
    CHECK(list("n[9-11]") == Hosts{{"n9", 0}, {"n10", 0}, {"n11", 0}});
    CHECK(list("n[098-101]x") == Hosts{{"n098x", 0}, {"n099x", 0}, {"n100x", 0}, {"n101x", 0}});
    CHECK(list("r[1-2]-n[1-2]") == Hosts{{"r1-n1", 0}, {"r1-n2", 0}, {"r2-n1", 0}, {"r2-n2", 0}});
    CHECK(list("10.0.0.[4-5],me@n[1,3]") ==
          Hosts{{"10.0.0.4", 0}, {"10.0.0.5", 0}, {"me@n1", 0}, {"me@n3", 0}});
    CHECK(list("n[0-0]") == Hosts{{"n0", 0}});
    CHECK(list("n[20261123000009-20261123000010]") ==
          Hosts{{"n20261123000009", 0}, {"n20261123000010", 0}});
}

TEST_CASE("host list: slots of a host that is named several times add up") {
    CHECK(list("a,a,b,b,b") == Hosts{{"a", 2}, {"b", 3}});
    CHECK(list("b:2,a,b:3") == Hosts{{"b", 5}, {"a", 0}});
    CHECK(list("a:2,a") == Hosts{{"a", 3}});
    CHECK(list("n[1-2]:2,n1") == Hosts{{"n1", 3}, {"n2", 2}});
}

TEST_CASE("host list: what makes no sense is quoted") {
    const struct {
        const char* text;
        const char* part;
    } wrong[] = {
        {"", "no host is named"},
        {"  ", "no host is named"},
        {"a,,b", "comma with no host"},
        {"a,", "comma with no host"},
        {"a:", "'' is no number of slots, 1 to 65536"},
        {"a:0", "'0' is no number of slots"},
        {"a:-1", "'-1' is no number of slots"},
        {"a:2x", "'2x' is no number of slots"},
        {"a:65537", "'65537' is no number of slots"},
        {"a:99999999999999999999", "is no number of slots"},
        {"a:60000,a:6000", "host 'a' would have more than 65536 slots"},
        {":4", "':4' names no host"},
        {"me@", "'me@' names no host"},
        {"@a", "'@a' has no user before the '@'"},
        {"-oProxyCommand=x", "no name of a host or user begins with '-'"},
        {"me@-x", "no name of a host or user begins with '-'"},
        {"-me@x", "no name of a host or user begins with '-'"},
        {"a b", "' ' is in no name of a host"},
        {"a;reboot", "';' is in no name of a host"},
        {"$(x)", "'$' is in no name of a host"},
        {"a\nb", "'?' is in no name of a host"},
        {"h\xc3\xa9", "is in no name of a host"},
        {"fe80::1", "stands in brackets: [fe80::1]"},
        {"a:2:3", "has several ':'"},
        {"[fe80::1", "'[fe80::1' has a '[' and no ']'"},
        {"[fe80::1]2", "behind an address stands ':'"},
        {"[fe80::1%a b]", "' ' is in no name"},
        {"[01-04]", "'[01-04]' is no address of IPv6"},
        {"@[::1]", "has no user before"},
        {"n[01-04", "'n[01-04' has a '[' and no ']'"},
        {"n01]", "has a ']' and no '['"},
        {"n[]", "'' in 'n[]' is no range of numbers"},
        {"n[1-]", "'1-' in 'n[1-]' is no range of numbers"},
        {"n[1,,2]", "is no range of numbers"},
        {"n[a-c]", "'a-c' in 'n[a-c]' is no range of numbers"},
        {"n[1-2-3]", "is no range of numbers"},
        {"n[4-1]", "'4-1' in 'n[4-1]' runs backwards"},
        {"n[1-04]", "the two numbers have different widths"},
        {"n[001-04]", "the two numbers have different widths"},
        {"n[[1-2]]", "is no range of numbers"},
        {"n[1-2]:x", "'x' is no number of slots"},
    };
    for (const auto& [text, part] : wrong) {
        CAPTURE(text);
        const std::string message = list_refusal(text);
        CAPTURE(message);
        CHECK(message.starts_with("option --hosts: "));
        CHECK(contains(message, part));
    }
}

TEST_CASE("host list: no list is too large for this machine") {
    CHECK(list("n[0-1048575]").size() == 1 << 20);
    CHECK(contains(list_refusal("n[0-1048576]"), "stands for more than 1048576 hosts"));
    CHECK(contains(list_refusal("n[0-999999999][0-999999999]"), "stands for more than"));
    CHECK(contains(list_refusal("n[0-1000000],m[0-1000000]"), "more than 1048576 hosts are named"));
    CHECK(contains(list_refusal("n[0-999999999999999999]"), "stands for more than"));
    CHECK(contains(list_refusal("n[0-9]n[0-999999999999999999]"), "stands for more than"));
    CHECK(contains(list_refusal("n[1-9999999999999999999]"), "is no range of numbers"));
    std::string long_name(300, 'n');
    CHECK(contains(list_refusal(long_name), "longer than 255 bytes"));
    std::string many_groups;
    for (int i = 0; i < 10000; ++i) many_groups += "n[1]";
    CHECK(contains(list_refusal(many_groups), "longer than 255 bytes"));
    const std::string same(250, 'n');
    CHECK(contains(list_refusal(same + "[0-1000000]"), "longer than 255 bytes"));
}

TEST_CASE("hostfile: a line has hosts, slots, and where things are there") {
    CHECK(parse_hostfile("# ours\n"
                         "a slots=4\n"
                         "\r\n"
                         "n[01-02]  slots=2\twdir=/scratch ipcrun=/opt/bin/ipcrun # new ones\r\n"
                         "b:3,c:1\n"
                         "d",
                         "hosts") == Hosts{{"a", 4},
                                           {"n01", 2, "/scratch", "/opt/bin/ipcrun"},
                                           {"n02", 2, "/scratch", "/opt/bin/ipcrun"},
                                           {"b", 3},
                                           {"c", 1},
                                           {"d", 0}});
}

TEST_CASE("hostfile: a host that has a line for each slot has as many") {
    CHECK(parse_hostfile("a\na\nb\nb wdir=/x\nb\n", "hosts") == Hosts{{"a", 2}, {"b", 3, "/x"}});
}

TEST_CASE("hostfile: what makes no sense is quoted with its line") {
    const struct {
        const char* text;
        const char* message;
    } wrong[] = {
        {"", "hosts: no host is named; a line reads 'HOST slots=N'"},
        {"# nothing\n\n", "hosts: no host is named"},
        {"a\nb slots=0", "hosts:2: '0' is no number of slots, 1 to 65536"},
        {"a slots=", "hosts:1: 'slots=' has no value"},
        {"a slots=2 slots=2", "hosts:1: 'slots=2': there is a slots= before it"},
        {"a:2 slots=2", "hosts:1: 'a:2' has slots already: either ':2' or 'slots=2'"},
        {"a max_slots=4", "hosts:1: 'max_slots=4': there is no most of slots; slots=N says"},
        {"a max-slots=4", "hosts:1: 'max-slots=4': there is no most of slots"},
        {"a slots 4", "hosts:1: 'slots' stands behind a host, where slots=N, wdir=DIR and "},
        {"a b", "hosts:1: 'b' stands behind a host"},
        {"a cpus=4", "hosts:1: 'cpus=4' is unknown; behind a host stand slots=N"},
        {"a =4", "hosts:1: '=4' is unknown"},
        {"a wdir=scratch", "hosts:1: 'wdir=scratch': the directory is one from the root on"},
        {"a wdir=/x wdir=/y", "hosts:1: 'wdir=/y': there is a wdir= before it"},
        {"a wdir=/x\na wdir=/y", "hosts:2: host 'a' has wdir=/x already"},
        {"a ipcrun=/x\nb\na ipcrun=/y", "hosts:3: host 'a' has ipcrun=/x already"},
        {"a, slots=2", "hosts:1: there is a comma with no host"},
        {"-x slots=2", "hosts:1: '-x': no name of a host or user begins with '-'"},
        {"slots=4", "hosts:1: 'slots=4': '=' is in no name of a host"},
        {"n[1-x]", "hosts:1: '1-x' in 'n[1-x]' is no range of numbers"},
    };
    for (const auto& [text, expected] : wrong) {
        CAPTURE(text);
        const std::string message = file_refusal(text);
        CAPTURE(message);
        CHECK(message.starts_with(expected));
    }
    CHECK(contains(file_refusal(std::string("a\0b", 3)), "is in no name of a host"));
}

TEST_CASE("host list: excluded hosts leave the order of the others") {
    CHECK(without(list("a:1,b:2,c:3,d:4"), "d,b") == Hosts{{"a", 1}, {"c", 3}});
    CHECK(without(list("n[1-4]"), "n[2-4]") == Hosts{{"n1", 0}});
}

TEST_CASE("host list: who excludes a host that is not there is told") {
    const auto excluding = [](std::string_view names) {
        return refusal([&] { return without(list("a,b"), names); });
    };
    CHECK(excluding("c") == "option --exclude: 'c' is none of the hosts, which are a and 1 more");
    CHECK(excluding("a,b") == "option --exclude: no host is left");
    CHECK(excluding("a:2") == "option --exclude: 'a:2': a host is excluded with all its slots");
    CHECK(contains(excluding(""), "no host is named"));
    CHECK(contains(excluding("a,"), "comma with no host"));
    CHECK(contains(excluding("n[0-99999999]"), "stands for more than"));
}
