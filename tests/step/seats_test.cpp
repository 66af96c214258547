// SPDX-License-Identifier: Apache-2.0
// Proves that all ranks conclude the same seats from their cards, and a tree that is one.
#include "launcher/step/seats.hpp"

#include <doctest/doctest.h>

#include <algorithm>
#include <map>

#include "tests/step/steps.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

using Ranks = std::vector<int>;

// "0 1 | 2 3": the ranks of each node.
std::string text_of(const StepSeats& seats) {
    std::string text;
    for (const StepNode& node : seats.nodes) {
        text += text.empty() ? "" : " |";
        for (const int rank : node.ranks) text += (text.empty() ? "" : " ") + std::to_string(rank);
    }
    return text;
}

std::vector<int> plan(const StepSeats& seats, const topology::Machine& machine = small_machine()) {
    return plan_tree(seats, std::vector(seats.nodes.size(), machine), true);
}

// One root, and from each rank the way up ends there: so there is no cycle.
void check_tree(const std::vector<int>& parents, int ranks) {
    REQUIRE(parents.size() == static_cast<std::size_t>(ranks));
    CHECK(std::count(parents.begin(), parents.end(), -1) == 1);
    for (int rank = 0; rank < ranks; ++rank) {
        CAPTURE(rank);
        int at = rank;
        int steps = 0;
        for (; parents[static_cast<std::size_t>(at)] >= 0 && steps <= ranks; ++steps)
            at = parents[static_cast<std::size_t>(at)];
        CHECK(steps < ranks);
    }
}

// Of the tree's edges those between ranks of which `is_apart` says so.
template <typename IsApart>
int count_edges(const std::vector<int>& parents, IsApart is_apart) {
    int count = 0;
    for (int rank = 0; rank < static_cast<int>(parents.size()); ++rank)
        if (const int parent = parents[static_cast<std::size_t>(rank)];
            parent >= 0 && is_apart(rank, parent))
            ++count;
    return count;
}

}  // namespace

TEST_CASE("seats: nodes are numbered by their first ranks, and have their ranks in order") {
    CHECK(text_of(seats_of(cards_on({0, 0, 1, 1}))) == "0 1 | 2 3");
    CHECK(text_of(seats_of(cards_on({0, 1, 2, 0, 1, 2}))) == "0 3 | 1 4 | 2 5");
    CHECK(text_of(seats_of(cards_on({5, 3, 5, 5, 4}))) == "0 2 3 | 1 | 4");
    CHECK(text_of(seats_of(cards_on({1, 1, 1}))) == "0 1 2");
    CHECK(text_of(seats_of(cards_on({0}))) == "0");
}

TEST_CASE("seats: a rank is told its place") {
    const StepSeats seats = seats_of(cards_on({0, 1, 0, 1, 1}));
    const RankEnvironment place = seats.place_of(3);
    CHECK(place.rank == 3);
    CHECK(place.size == 5);
    CHECK(place.node == 1);
    CHECK(place.local_rank == 1);
    CHECK(place.local_size == 3);
    CHECK(seats.place_of(0).local_size == 2);
    CHECK(seats.place_of(2).local_rank == 1);
}

TEST_CASE("seats: people read of a rank and the name of its node") {
    CHECK(seats_of(cards_on({0, 0, 3})).describe(2) == "rank 2 on node h3");
}

TEST_CASE("seats: of two nodes only one part of their ids may differ") {
    std::vector<Card> cards = cards_on({0, 0, 0});
    cards[1].node_id = "id-0 1";
    cards[2].node_id = "id-0 2";
    const StepSeats seats = seats_of(cards);
    CHECK(text_of(seats) == "0 | 1 | 2");
    CHECK(seats.node(2).host == "h0");
}

TEST_CASE("seats: more ranks than a node can have are an error that names the node") {
    std::vector<int> nodes(static_cast<std::size_t>(node_ranks_max), 0);
    CHECK(seats_of(cards_on(nodes)).size() == node_ranks_max);
    nodes.push_back(0);
    const auto seat = [&] { seats_of(cards_on(nodes)); };
    CHECK(code_of(seat) == ErrorCode::config);
    CHECK(error_of(seat).find("node h0") != std::string::npos);
}

TEST_CASE("seats: no cards, and one that is none, are errors") {
    CHECK(code_of([] { seat_ranks({}); }) == ErrorCode::protocol);
    CHECK(code_of([] { seat_ranks({encode_card(card_on(0)), "x"}); }) == ErrorCode::protocol);
}

TEST_CASE("seats: the directory has every rank where its card says") {
    const JobDirectory directory = make_directory(seats_of(cards_on({0, 1, 0})), {-1, 0, 0});
    CHECK(directory.hosts == std::vector<std::string>{"h0", "h1"});
    CHECK(directory.seats == std::vector<JobDirectory::Seat>{{0, 0, "10.0.0.1:4711", 0},
                                                             {1, 0, "10.0.0.2:4711", 1},
                                                             {0, 1, "10.0.0.1:4711", 1}});
}

TEST_CASE("seats: the tree over any nodes is one, and leaves each node once") {
    for (const Ranks& nodes :
         {Ranks{0}, Ranks{0, 0, 0, 0, 0}, Ranks{0, 0, 0, 0, 1}, Ranks{0, 1, 2, 0, 1, 0, 0},
          Ranks{0, 1, 2, 3, 4, 5, 6}, Ranks{2, 2, 1, 0, 0, 0, 0, 0, 0, 3}}) {
        const StepSeats seats = seats_of(cards_on(nodes));
        CAPTURE(text_of(seats));
        const std::vector<int> parents = plan(seats);
        check_tree(parents, seats.size());
        CHECK(count_edges(parents, [&](int a, int b) {
                  return seats.node_of[static_cast<std::size_t>(a)] !=
                         seats.node_of[static_cast<std::size_t>(b)];
              }) == static_cast<int>(seats.nodes.size()) - 1);
    }
}

TEST_CASE("seats: nodes of several machines are planned, too") {
    const StepSeats seats = seats_of(cards_on({0, 0, 1, 1}));
    check_tree(
        plan_tree(seats, {small_machine(), topology::machine_of({.packages = 2, .cores = 8})},
                  false),
        4);
}

TEST_CASE("seats: ranks are on the CPUs of their cards") {
    std::vector<Card> cards = cards_on({1, 0, 0});
    cards[1].cpus = "0-1";
    cards[2].cpus = "2,3";
    const auto places = places_on(seats_of(cards), 1, small_machine());
    CHECK(topology::cpus_of(places) == "0-1 | 2-3");
}

TEST_CASE(
    "seats: CPUs that the machine does not have are left out, and all of it if none is left") {
    std::vector<Card> cards = cards_on({0, 0, 0, 0});
    cards[0].cpus = "2-9,700";
    cards[1].cpus = "64-128";
    cards[2].cpus = "";
    cards[3].cpus = "no list";
    const StepSeats seats = seats_of(cards);
    CHECK(topology::cpus_of(places_on(seats, 0, small_machine())) == "2-3 | 0-3 | 0-3 | 0-3");
    check_tree(plan(seats), 4);
}

TEST_CASE("seats: a rank that has a core of its own is told to be at it") {
    std::vector<Card> cards = cards_on({0, 0});
    cards[0].cpus = "1";
    cards[1].cpus = "0-3";
    const auto places = places_on(seats_of(cards), 0, small_machine());
    CHECK(places[0].spot.core == 2);
    CHECK(places[1].spot.core == 0);
}

TEST_CASE("seats: a node whose switches are not known is planned beside others") {
    std::vector<Card> cards = cards_on({0, 1, 2});
    cards[1].switches = "leaf";
    cards[2].switches = "top..odd.";
    check_tree(plan(seats_of(cards)), 3);
}
