// SPDX-License-Identifier: Apache-2.0
// Proves that no node of a tree of processes waits for one that was killed.
#include <doctest/doctest.h>

#include "tests/connection/link_trees.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

struct Blow {
    int signal = SIGKILL;
    int node = 0;
    Seconds deadline{60};  ///< of each operation of all nodes
    std::size_t count = 3'000'000;
};

// Sums again and again, and says how it ended. One node is struck in the middle of an operation.
std::string sum_until_struck(LinkTree& tree, int node, const Blow& blow) {
    std::vector<float> values(blow.count, 1);
    const Part part{values.data(), values.size(), Dtype::f32};
    auto last_good = Clock::now();
    try {
        for (int i = 0;; ++i) {
            std::thread striker;
            if (node == blow.node && i == 2)
                striker = std::thread([&] {
                    // Long enough for some segments to be on their way, whatever else runs.
                    while (Clock::now() - last_good < std::chrono::milliseconds(3))
                        std::this_thread::yield();
                    (void)::raise(blow.signal);
                });
            tree.allreduce({&part, 1}, Op::max, Deadline::after(blow.deadline));
            last_good = Clock::now();
            if (striker.joinable()) striker.join();
        }
    } catch (const Error& error) {
        const double seconds = Seconds(Clock::now() - last_good).count();
        return fmt::format("{} {}: rank {}: {}", name_of(error.code),
                           seconds < 3 ? "in time" : "late", error.rank.value_or(-1), error.what());
    }
}

std::vector<std::unique_ptr<Forked>> start_tree(const TreeShape& shape, const TreeLink& link,
                                                const Blow& blow) {
    const auto addresses = addresses_for(shape, link);
    std::vector<std::unique_ptr<Forked>> processes;
    for (int node = 0; node < static_cast<int>(shape.size()); ++node)
        processes.push_back(std::make_unique<Forked>([&, node] {
            TreeMember member(shape, node, addresses, link.choice, Neighbourhood::create());
            return sum_until_struck(member.tree(), node, blow);
        }));
    return processes;
}

}  // namespace

TEST_CASE("link tree: a node that is killed is an error to all within seconds, by every link") {
    for (const TreeLink& link : all_tree_links())
        for (const TreeShape& shape : {chain(4), binary(6), star(4)})
            for (const int lost : {0, 1, static_cast<int>(shape.size()) - 1}) {
                int killed = 0;
                for (const Remains& one : remains_of(start_tree(shape, link, {.node = lost}))) {
                    INFO(link.name, ", ", shape.name, ", lost ", lost, ": ", one.text);
                    CHECK((one.was_killed() || one.text.starts_with("peer_lost in time: ")));
                    killed += one.was_killed();
                }
                CHECK(killed == 1);
            }
}

TEST_CASE("link tree: the error of every node names the one that was killed, by every link") {
    for (const TreeLink& link : all_tree_links())
        for (const int lost : {0, 2, 4}) {
            const TreeShape shape = chain(5);
            for (const Remains& one : remains_of(start_tree(shape, link, {.node = lost}))) {
                INFO(link.name, ", lost ", lost, ": ", one.text);
                if (one.was_killed()) continue;
                CHECK(one.text.starts_with(fmt::format("peer_lost in time: rank {}: ", lost)));
                CHECK(one.text.find(fmt::format(": node {} at ", lost + 1)) != std::string::npos);
                CHECK(one.text.find("tag") == std::string::npos);
            }
        }
}

TEST_CASE("link tree: a deadline holds when a node stops in the middle, by every link") {
    for (const TreeLink& link : all_tree_links())
        for (const TreeShape& shape : {chain(4), binary(6)})
            for (const int stopped : {0, 1, static_cast<int>(shape.size()) - 1}) {
                auto processes = start_tree(
                    // Few elements: on a busy machine nobody's time is to be over before the stop.
                    shape, link, {SIGSTOP, stopped, Seconds(1), 300'000});
                const auto pid =
                    fmt::format("pid {}", processes[static_cast<std::size_t>(stopped)]->pid());
                int naming = 0;
                std::string all;
                for (std::size_t node = 0; node < processes.size(); ++node) {
                    if (static_cast<int>(node) == stopped) continue;
                    const Remains one = processes[node]->remains();
                    all += fmt::format("node {}: {}\n", node, one.text);
                    INFO(link.name, ", ", shape.name, ", stopped ", stopped, ", node ", node, ": ",
                         one.text);
                    // Its own time is over, or that of a neighbour was a moment before.
                    CHECK((one.text.starts_with("timeout in time: ") ||
                           one.text.starts_with("peer_lost in time: ")));
                    naming += one.text.find(pid) != std::string::npos;
                }
                INFO(link.name, ", ", shape.name, ", stopped ", stopped, ", which is ", pid, ":\n",
                     all);
                CHECK(naming > 0);
            }
}

TEST_CASE(
    "link tree: the end of a child is noticed while the turn is another's, which has stopped") {
    for (const LinkChoice choice : {LinkChoice::fastest, LinkChoice::socket})
        for (const int killed : {0, 1}) {
            const TreeShape shape = star(3);
            const auto addresses = addresses_for(shape);
            std::vector<std::unique_ptr<Forked>> processes;
            for (int node = 0; node < 3; ++node)
                processes.push_back(std::make_unique<Forked>([&, node]() -> std::string {
                    TreeMember member(shape, node, addresses, choice, Neighbourhood::create());
                    float value = 1;
                    const Part part{&value, 1, Dtype::f32};
                    member.tree().allreduce({&part, 1}, Op::max, soon());
                    if (node == killed) (void)::raise(SIGKILL);
                    if (node == 1 - killed) (void)::raise(SIGSTOP);
                    const auto begun = Clock::now();
                    try {
                        member.tree().allreduce({&part, 1}, Op::max, soon());
                    } catch (const Error& error) {
                        const bool is_late = Clock::now() - begun > std::chrono::seconds(2);
                        return fmt::format("{}: {}", is_late ? "late" : "in time", error.what());
                    }
                    return "no error";
                }));
            const Remains parent = processes[2]->remains();
            INFO(parent.text);
            CHECK(parent.text.starts_with("in time: "));
            CHECK(parent.text.find(
                      fmt::format("pid {}", processes[static_cast<std::size_t>(killed)]->pid())) !=
                  std::string::npos);
        }
}
