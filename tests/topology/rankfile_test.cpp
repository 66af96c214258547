// SPDX-License-Identifier: Apache-2.0
// Proves what a rankfile may say, and that what is wrong with it is told with its file and line.
#include <doctest/doctest.h>

#include <string>

#include "base/error.hpp"
#include "tests/topology/sample_machines.hpp"
#include "topology/place/mapping.hpp"

using namespace ipcrun;
using namespace ipcrun::topology;

namespace {

template <typename Act>
std::string refusal(Act act) {
    try {
        act();
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::usage);
        return error.what();
    }
    return "";
}

std::string parse_refusal(const std::string& text) {
    return refusal([&] { (void)parse_rankfile(text, "ranks.txt"); });
}

Mapping by_file(const std::string& text) {
    return {.rankfile = parse_rankfile(text, "f")};
}

bool says(const std::string& text, const std::string& part) {
    INFO(text);
    CHECK(text.find(part) != std::string::npos);
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("rankfile: lines come in any order, with comments, spaces and empty lines") {
    const auto lines = parse_rankfile(
        "# who goes where\n\n  rank 1 = +n0 slot = 0 # the first\r\n"
        "rank 0=node01 slot=12,4-7\n\trank\t2=a.b-c\tslot=8191",
        "f");
    REQUIRE(lines.size() == 3);
    CHECK(lines[0] == RankLine{0, "node01", {4, 5, 6, 7, 12}});
    CHECK(lines[1] == RankLine{1, "+n0", {0}});
    CHECK(lines[2] == RankLine{2, "a.b-c", {8191}});
}

TEST_CASE("rankfile: what does not fit the form is told with file and line") {
    for (const char* bad : {"rank",
                            "rank 0",
                            "rank 0=",
                            "rank 0=a",
                            "rank 0=a slot",
                            "rank 0=a slot=",
                            "rank 0=a slots=1",
                            "rank x=a slot=0",
                            "rank -1=a slot=0",
                            "rank 0 a slot=0",
                            "ran 0=a",
                            "rank 0= slot=0",
                            "rank 0=a slot=0 1",
                            "rank 0=a slot=0, 1",
                            "rank 0=a slot=0;1",
                            "rank 0=a slot=1:0",
                            "rank 0=a slot=3-1",
                            "rank 0=a slot=0,,1",
                            "rank 0=a slot=0-",
                            "rank 0=a slot=5,4-6",
                            "0=a slot=1",
                            "rank 99999999999=a slot=0",
                            "rank 0=a slot=0 rank 1=a slot=1"}) {
        CAPTURE(bad);
        says(parse_refusal(std::string("# first\n") + bad + "\n"), "ranks.txt:2: ");
    }
    says(parse_refusal("rank 0=a slot="), "empty");
    says(parse_refusal("rank 0=a slot=0-3 please"), "'please' stands behind the list");
    says(parse_refusal("rank 0=a slot=5,4-6"), "CPU 5 twice");
    says(parse_refusal("rank 0=a slot=0:1"), "not package:core");
    says(parse_refusal(""), "ranks.txt: no line");
    says(parse_refusal("# nothing\n"), "ranks.txt: no line");
}

TEST_CASE("rankfile: a huge range is refused before it fills the memory") {
    says(parse_refusal("rank 0=a slot=0-8192"), "below 8192");
    says(parse_refusal("rank 0=a slot=0-2000000000"), "no list of CPUs");
    std::string list = "0-8191";
    for (int i = 0; i < 10000; ++i) list += ",0-8191";
    says(parse_refusal("rank 0=a slot=" + list), "each is named once");
}

TEST_CASE("rankfile: every rank from 0 has one line") {
    says(parse_refusal("rank 0=a slot=0\nrank 1=a slot=0\n\nrank 0=a slot=1"),
         "ranks.txt:4: rank 0 has a line already");
    says(parse_refusal("rank 0=a slot=0\nrank 3=a slot=0"),
         "ranks.txt:2: there is a rank 3 and no rank 1");
    says(parse_refusal("rank 1=a slot=0"), "no rank 0");
}

TEST_CASE("rankfile: ranks go to the hosts and CPUs of their lines") {
    const Cluster cluster = hosts_of(machine_of({.nodes = 2, .cores = 2, .threads = 2}), {0, 0});
    const Placement placement = place_ranks(
        cluster, std::nullopt,
        by_file("rank 0=n1 slot=2,6\nrank 1=+n0 slot=0-1\nrank 2=n1 slot=0,7\nrank 3=n1 slot=1"));
    REQUIRE(placement.size() == 4);
    CHECK(placement.seat(0) == Seat{1, 0});
    CHECK(placement.seat(1) == Seat{0, 0});
    CHECK(placement.seat(3) == Seat{1, 2});
    CHECK(placement.first_of_host == std::vector<int>{0, 1, 4});
    CHECK(placement.ranks == std::vector<int>{1, 0, 2, 3});
    CHECK(placement.place(0).cpus == std::vector<int>{2, 6});
    CHECK(placement.place(0).spot.core == 3);
    CHECK(placement.place(0).spot.numa_node == 2);
    CHECK(placement.place(0).memory_nodes == std::vector<int>{2});
    CHECK(placement.place(0).threads == 1);
    CHECK(placement.place(1).threads == 2);
    CHECK(placement.place(2).cpus == std::vector<int>{0, 7});
    CHECK(placement.place(2).spot.numa_node == 0);
    CHECK(placement.place(2).spot.package == 1);
}

TEST_CASE("rankfile: cores that two ranks have together are nobody's own") {
    const Machine machine = machine_of({.cores = 4, .threads = 2});
    const auto places =
        place_ranks(cluster_of(machine), 2, by_file("rank 0=n0 slot=0-2\nrank 1=n0 slot=6,7"))
            .layouts.at(0)
            .places;
    CHECK(each(places, &Place::threads) == "2 1");
}

TEST_CASE("rankfile: hosts with the same lines have one layout") {
    std::string text;
    for (int host = 0; host < 3; ++host)
        for (int local = 0; local < 2; ++local)
            text += "rank " + std::to_string(2 * host + local) + "=n" + std::to_string(host) +
                    " slot=" + std::to_string(host == 2 ? 1 - local : local) + "\n";
    const Placement placement =
        place_ranks(hosts_of(machine_of({.cores = 2}), {0, 0, 0, 0}), std::nullopt, by_file(text));
    CHECK(placement.layout_of_host == std::vector<int>{0, 0, 1, -1});
    CHECK(placement.layouts.size() == 2);
}

TEST_CASE("rankfile: a rank has a GPU and a NIC near to its CPUs") {
    const auto places =
        place_ranks(cluster_of(four_gpus()), std::nullopt,
                    by_file("rank 0=n0 slot=96-99\nrank 1=n0 slot=20\nrank 2=n0 slot=64-79"))
            .layouts.at(0)
            .places;
    CHECK(each(places, &Place::gpu) == "2 0 3");
    CHECK(each(places, &Place::nic) == "3 1 4");
}

TEST_CASE("rankfile: what the job cannot give is refused") {
    const Cluster cluster = hosts_of(machine_of({.cores = 2}), {0, 0});
    const auto refused = [&](const std::string& text, std::optional<int> ranks = std::nullopt) {
        return refusal([&] { (void)place_ranks(cluster, ranks, by_file(text)); });
    };
    says(refused("rank 0=n7 slot=0"),
         "rank 0 is to go to n7, which is no host of this job (n0, n1");
    says(refused("rank 0=+n2 slot=0"), "the hosts of this job are +n0 to +n1");
    says(refused("rank 0=+nx slot=0"), "+n0 to +n1");
    says(refused("rank 0=n1 slot=0-2"), "rank 0: CPU 2 is not among those of host n1");
    says(refused("rank 0=n1 slot=0-2"), "(0-1)");
    says(refused("rank 0=n1 slot=0", 2), "lines for 1 rank, not the 2 of -n");
    Mapping mapping = by_file("rank 0=n0 slot=0");
    mapping.bind_to = BindTo::numa;
    says(refusal([&] { (void)place_ranks(cluster, 1, mapping); }), "leave out --map-by");
}
