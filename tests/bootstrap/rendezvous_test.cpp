// SPDX-License-Identifier: Apache-2.0
// Proves: tasks meet over TCP, only those that belong together do, and no wait is without an end.
#include "launcher/bootstrap/rendezvous.hpp"

#include <doctest/doctest.h>
#include <sys/socket.h>

#include <future>
#include <thread>

#include "base/stream_socket.hpp"
#include "launcher/bootstrap/node_address.hpp"
#include "launcher/bootstrap/slurm_rendezvous.hpp"

using namespace ipcrun;

namespace {

constexpr Seconds soon{0.5}, patience{60.0};

// Two that were free a moment ago; both open at once, so that they differ.
std::vector<std::uint16_t> free_ports() {
    const UniqueFd one = listen_at({.host = "127.0.0.1"}), other = listen_at({.host = "127.0.0.1"});
    return {own_address(one.get()).port, own_address(other.get()).port};
}

struct Step {
    std::string name = "step 1.0 of Slurm";
    int size = 3;
    std::vector<std::uint16_t> ports = free_ports();
    Key key = Key::random();

    Meeting meeting(int rank, int keeper = 0) const {
        return {.name = name,
                .rank = rank,
                .size = size,
                .keeps_list = rank == keeper,
                .ports = ports,
                .hosts = {"127.0.0.1"},
                .key = key,
                .patience_with_strangers = soon};
    }
};

std::string card_of(int rank) {
    return std::string(1000, static_cast<char>('a' + rank)) + '\0';
}

// What came of it: the cards, joined, or "CODE: why".
std::string outcome(const Meeting& meeting, Seconds time = patience) {
    try {
        std::string all;
        const auto rendezvous = open_rendezvous(meeting, Deadline::after(time));
        for (const auto& card : rendezvous->exchange(card_of(meeting.rank))) all += card;
        return all;
    } catch (const Error& error) {
        return std::string(name_of(error.code)) + ": " + error.what();
    }
}

std::future<std::string> begin(const Meeting& meeting, Seconds time = patience) {
    return std::async(std::launch::async, [=] { return outcome(meeting, time); });
}

std::string cards_of(int size) {
    std::string all;
    for (int rank = 0; rank < size; ++rank) all += card_of(rank);
    return all;
}

bool has(std::string_view text, std::string_view part) {
    CAPTURE(text);
    return text.find(part) != text.npos;
}

}  // namespace

TEST_CASE("rendezvous: each gets the cards of all, whoever keeps the list") {
    for (const int keeper : {0, 2}) {
        Step step;
        std::vector<std::future<std::string>> tasks;
        for (int rank = 0; rank < step.size; ++rank)
            tasks.push_back(begin(step.meeting(rank, keeper)));
        for (auto& task : tasks) CHECK(task.get() == cards_of(step.size));
    }
}

TEST_CASE("rendezvous: who is alone waits for nobody") {
    Step step;
    step.size = 1;
    CHECK(outcome(step.meeting(0)) == card_of(0));
}

TEST_CASE("rendezvous: others may come long before the list is opened") {
    Step step;
    step.size = 2;
    auto task = begin(step.meeting(1));
    CHECK(task.wait_for(std::chrono::milliseconds(200)) == std::future_status::timeout);
    CHECK(outcome(step.meeting(0)) == cards_of(2));
    CHECK(task.get() == cards_of(2));
}

TEST_CASE("rendezvous: the list goes to the next port where one is taken by a silent stranger") {
    Step step;
    step.size = 2;
    const UniqueFd stranger = listen_at({.host = "127.0.0.1", .port = step.ports.front()});
    auto task = begin(step.meeting(1));
    CHECK(outcome(step.meeting(0)) == cards_of(2));
    CHECK(task.get() == cards_of(2));
}

TEST_CASE("rendezvous: a visitor who says nothing, or nonsense, keeps nobody waiting") {
    Step step;
    step.size = 2;
    auto keeper = begin(step.meeting(0));
    // Whichever of its ports it has opened.
    Address where{.host = "127.0.0.1"};
    const Deadline deadline = Deadline::after(patience);
    UniqueFd silent;
    for (std::size_t i = 0; !silent; ++i) {
        where.port = step.ports[i % step.ports.size()];
        try {
            silent = connect_to(where, deadline);
        } catch (const Error& error) {
            REQUIRE(error.system_errno == ECONNREFUSED);  // it is not open yet
            REQUIRE_FALSE(deadline.has_passed());
            std::this_thread::yield();
        }
    }
    const UniqueFd loud = connect_to(where, deadline);
    const std::string nonsense(1000, 'x');
    REQUIRE(::send(loud.get(), nonsense.data(), nonsense.size(), MSG_NOSIGNAL) > 0);
    CHECK(outcome(step.meeting(1)) == cards_of(2));
    CHECK(keeper.get() == cards_of(2));
}

TEST_CASE("rendezvous: no free port is an error that names them") {
    Step step;
    const UniqueFd one = listen_at({.host = "127.0.0.1", .port = step.ports[0]});
    const UniqueFd other = listen_at({.host = "127.0.0.1", .port = step.ports[1]});
    const std::string said = outcome(step.meeting(0));
    CHECK(has(said, "config: step 1.0 of Slurm: each of the ports"));
    CHECK(has(said, std::to_string(step.ports[1])));
}

TEST_CASE("rendezvous: two steps with the same ports and the same key do not meet") {
    Step one, other;
    one.size = other.size = 2;
    other.ports = one.ports;
    other.key = one.key;
    other.name = "step 1.1 of Slurm";
    auto keeper = begin(one.meeting(0));
    auto stray = begin(other.meeting(1));
    auto other_keeper = begin(other.meeting(0));
    CHECK(outcome(one.meeting(1)) == cards_of(2));
    CHECK(keeper.get() == cards_of(2));
    CHECK(stray.get() == cards_of(2));
    CHECK(other_keeper.get() == cards_of(2));
}

TEST_CASE("rendezvous: another key is told after a while, with what to do") {
    Step step;
    step.size = 2;
    Step stranger = step;
    stranger.key = Key::random();
    auto keeper = begin(step.meeting(0), Seconds(3.0));
    const std::string said = outcome(stranger.meeting(1));
    CHECK(has(said, "config: step 1.0 of Slurm: task 1 finds nobody with its own key"));
    CHECK(has(said, "IPC_KEY_FILE"));
    const std::string kept = keeper.get();
    CHECK(has(kept, "timeout: step 1.0 of Slurm: only 1 of its 2 tasks have come"));
    CHECK(has(kept, "another key"));
}

TEST_CASE("rendezvous: where not all come, those who did are told who is missing") {
    Step step;
    step.size = 5;
    auto keeper = begin(step.meeting(0), Seconds(3.0));
    const std::string said = outcome(step.meeting(3));
    CHECK(has(said,
              "timeout: step 1.0 of Slurm: only 2 of its 5 tasks have come in time, not 1-2,4"));
    CHECK(has(keeper.get(), "timeout: step 1.0 of Slurm: only 2 of its 5 tasks"));
}

TEST_CASE("rendezvous: where nobody keeps the list, the deadline says where it was looked for") {
    Step step;
    const std::string said = outcome(step.meeting(1), soon);
    CHECK(has(said, "timeout: step 1.0 of Slurm: task 1 has not found the task that keeps"));
    CHECK(has(said, std::to_string(step.ports[0])));
}

TEST_CASE("rendezvous: two processes of one rank are an error for all") {
    Step step;
    auto keeper = begin(step.meeting(0));
    auto one = begin(step.meeting(1));
    auto same = begin(step.meeting(1));
    for (auto* task : {&keeper, &one, &same})
        CHECK(has(task->get(), "two processes say that they are its task 1"));
}

TEST_CASE("rendezvous: tasks that do not agree how many they are is an error for all") {
    Step step;
    Step more = step;
    more.size = 4;
    auto keeper = begin(step.meeting(0));
    CHECK(has(outcome(more.meeting(3)), "task 3 of 4, another one that they are 3"));
    CHECK(has(keeper.get(), "mismatch: step 1.0 of Slurm"));
}

TEST_CASE("slurm rendezvous: all tasks of a step agree on who keeps the list, and where") {
    SlurmStep step{
        .name = "12.0", .size = 3, .nodes = {"h1", "h3"}, .own_node = "h1", .local_rank = 0};
    // As with -m arbitrary: rank 0 need not be on the first node.
    step.rank = 1;
    const Meeting keeper = plan_meeting(step, 1000);
    CHECK(keeper.keeps_list);
    CHECK(keeper.hosts.empty());
    step.rank = 2;
    step.local_rank = 1;
    const Meeting neighbour = plan_meeting(step, 1000);
    CHECK_FALSE(neighbour.keeps_list);
    CHECK(neighbour.hosts == std::vector<std::string>{"127.0.0.1"});
    step.rank = step.local_rank = 0;
    step.own_node = "h3";
    const Meeting other = plan_meeting(step, 1000);
    CHECK_FALSE(other.keeps_list);
    CHECK(other.hosts.empty());
    CHECK(keeper.ports == neighbour.ports);
    CHECK(keeper.ports == other.ports);
    CHECK(keeper.name == other.name);
    for (const int port : keeper.ports) CHECK((port >= 10240 && port < 32768));
}

TEST_CASE("slurm rendezvous: other steps, users and runs of a job go to other ports") {
    SlurmStep step{.name = "12.0", .size = 3, .nodes = {"h1"}, .own_node = "h1"};
    const Meeting first = plan_meeting(step, 1000);
    CHECK(first.hosts == std::vector<std::string>{"127.0.0.1"});
    CHECK(plan_meeting(step, 1001).ports != first.ports);
    step.restarts = 1;
    const Meeting again = plan_meeting(step, 1000);
    CHECK(again.ports != first.ports);
    CHECK(again.name != first.name);
    step.restarts = 0;
    step.name = "12.1";
    CHECK(plan_meeting(step, 1000).ports != first.ports);
}

TEST_CASE("node address: it is read from what scontrol prints") {
    CHECK(parse_node_address("NodeName=n1 Arch=x86_64 NodeAddr=10.0.0.7 NodeHostName=h1\n") ==
          "10.0.0.7");
    CHECK(parse_node_address("NodeName=n1\n   NodeAddr=h1\n") == "h1");
    CHECK(parse_node_address("Node n9 not found\n").empty());
    CHECK(find_node_addresses("127.0.0.1", Deadline::after(patience)) ==
          std::vector<std::string>{"127.0.0.1"});
}
