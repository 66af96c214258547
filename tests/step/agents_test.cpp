// SPDX-License-Identifier: Apache-2.0
// Proves that the agents of a step's nodes find and tell each other, that strangers do no harm, and
// that the loss of one is noticed once.
#include "launcher/step/agents.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <optional>
#include <utility>

#include "base/socket.hpp"
#include "tests/step/agent_threads.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

using Ends = std::vector<std::pair<int, int>>;

/// Some peer of an agent, which says what it likes.
class Peer {
  public:
    Peer(const Step& step, int node, const JobSecret& secret)
        : stream_(dial(parse_address(step.seats.card(step.seats.node(node).leader()).agent_address),
                       {.key = key_of(secret), .purpose = step_purpose},
                       Deadline::after(patience))) {}

    void say(const Bytes& message) const {
        Encoder out;
        out.number(static_cast<std::uint32_t>(message.size()));
        Bytes frame = out.take();
        frame.insert(frame.end(), message.begin(), message.end());
        REQUIRE(::write(stream_.fd(), frame.data(), frame.size()) ==
                static_cast<ssize_t>(frame.size()));
    }
    void say(const StepMessage& message) const { say(encode(message)); }

    // Whatever it is told before.
    bool is_dropped() const {
        Bytes bytes(4096);
        while (wait_readable(stream_.fd(), Deadline::after(patience)))
            if (::read(stream_.fd(), bytes.data(), bytes.size()) <= 0) return true;
        return false;
    }

  private:
    static Key key_of(const JobSecret& secret) {
        Key key;
        key.bytes = secret;
        return key;
    }
    SecureStream stream_;
};

}  // namespace

TEST_CASE("step agents: one node is ready at once, and has nobody to hear of") {
    Step step({0, 0, 0});
    AgentThread agent(step, 0);
    CHECK(agent.tree().size() == 3);
    CHECK(agent.ask([](StepAgents& agents) { return agents.are_others_over(); }));
    CHECK(agent.ask([](StepAgents& agents) { return agents.missing(); }).empty());
}

TEST_CASE("step agents: all of two and of three nodes get ready with the same tree") {
    for (const std::vector<int>& nodes : {std::vector{0, 1}, std::vector{0, 1, 2, 0, 1, 2, 2}}) {
        Step step(nodes);
        std::vector<std::unique_ptr<AgentThread>> agents;
        for (int node = static_cast<int>(step.seats.nodes.size()); node-- > 0;)
            agents.push_back(std::make_unique<AgentThread>(step, node));
        for (const auto& agent : agents) {
            CHECK(agent->tree().size() == nodes.size());
            CHECK(agent->tree() == agents.front()->tree());
            CHECK(agent->ask([](StepAgents& one) { return one.missing(); }).empty());
        }
    }
}

TEST_CASE("step agents: an end is told to all others, once") {
    Step step({0, 1, 2, 1});
    AgentThread a(step, 0), b(step, 1), c(step, 2);
    for (AgentThread* agent : {&a, &b, &c}) agent->tree();
    b.tell_of_end(3, 9);
    b.tell_of_end(3, 0);
    b.tell_of_end(1, 0x300);
    for (AgentThread* agent : {&a, &c}) {
        CHECK(agent->wait_for_ends(2) == Ends{{3, 9}, {1, 0x300}});
        CHECK_FALSE(agent->ask([](StepAgents& one) { return one.are_others_over(); }));
    }
    c.tell_of_end(2, 0);
    CHECK(a.wait_for_ends(3).back() == std::pair(2, 0));
    CHECK(a.ask([](StepAgents& one) { return one.are_others_over(); }));
    CHECK(b.wait_for_ends(1) == Ends{{2, 0}});
}

TEST_CASE("step agents: the ranks of an agent that goes are lost, but for those that had ended") {
    Step step({0, 1, 1, 2, 1});
    AgentThread a(step, 0), b(step, 1), c(step, 2);
    for (AgentThread* agent : {&a, &b, &c}) agent->tree();
    b.tell_of_end(2, 0x300);
    b.stop();
    for (AgentThread* agent : {&a, &c})
        CHECK(agent->wait_for_ends(3) ==
              Ends{{2, 0x300}, {1, agent_lost_status}, {4, agent_lost_status}});
    c.stop();
    CHECK(a.wait_for_ends(4).back() == std::pair(3, agent_lost_status));
    CHECK(a.ends().size() == 4);
    CHECK(a.error().empty());
}

TEST_CASE("step agents: none is ready before each has met each") {
    Step step({0, 1, 2});
    AgentThread a(step, 0), b(step, 1);
    const Peer to_a(step, 0, secret_of(7));
    to_a.say(AgentHere{2});
    to_a.say(MetAll{small_machine()});
    a.wait_until(
        [](StepAgents& one) { return one.missing() == "node h1 (which waits for another)"; });
    CHECK(b.ask([](StepAgents& one) { return one.missing(); }) == "node h2");
    CHECK_FALSE(a.is_ready());
    const Peer to_b(step, 1, secret_of(7));
    to_b.say(AgentHere{2});
    CHECK(b.tree() == a.tree());
}

TEST_CASE("step agents: one whose ranks have all ended goes without a loss") {
    Step step({0, 1, 2});
    AgentThread a(step, 0), b(step, 1), c(step, 2);
    for (AgentThread* agent : {&a, &b, &c}) agent->tree();
    b.tell_of_end(1, 0);
    b.stop();
    // What is said afterwards comes afterwards.
    c.tell_of_end(2, 0);
    c.stop();
    CHECK(a.wait_for_ends(2).size() == 2);
    for (const auto& [rank, status] : a.ends()) CHECK(status == 0);
    CHECK(a.error().empty());
}

TEST_CASE("step agents: the loss of one before all are there is an error that names it") {
    Step step({0, 1, 2});
    AgentThread a(step, 0);
    CHECK(a.ask([](StepAgents& one) { return one.missing(); }) == "node h1, node h2");
    AgentThread b(step, 1);
    a.wait_until([](StepAgents& one) { return one.missing() == "node h2"; });
    b.stop();
    CHECK(a.wait_for_error() == "the agent of node h1 is lost: it has ended");
}

TEST_CASE("step agents: one whose ranks have ended may go before another is ready") {
    Step step({0, 1, 2});
    AgentThread a(step, 0);
    std::optional<Peer> b(std::in_place, step, 0, secret_of(7));
    b->say(AgentHere{1});
    b->say(MetAll{small_machine()});
    b->say(RankOver{1, 9});
    CHECK(a.wait_for_ends(1) == Ends{{1, 9}});
    b.reset();
    const Peer c(step, 0, secret_of(7));
    c.say(AgentHere{2});
    c.say(MetAll{small_machine()});
    a.tree();
    CHECK(a.error().empty());
    CHECK(a.ends().size() == 1);
}

TEST_CASE("step agents: one that has to wait for another gives up at its deadline") {
    Step step({0, 1});
    AgentThread late(step, 1, Seconds(0.1));
    const std::string error = late.wait_for_error();
    CHECK(error.find(step.seats.card(0).agent_address) != std::string::npos);
}

TEST_CASE("step agents: a stranger with another key is refused, and does no harm") {
    Step step({0, 1});
    AgentThread a(step, 0);
    CHECK(code_of([&] { Peer(step, 0, secret_of(8)); }) == ErrorCode::config);
    AgentThread b(step, 1);
    CHECK(a.tree() == b.tree());
    CHECK(a.error().empty());
}

TEST_CASE("step agents: a peer that is of no node that is awaited is dropped, and does no harm") {
    Step step({0, 1, 2});
    AgentThread a(step, 0), b(step, 1);
    a.wait_until([](StepAgents& one) { return one.missing() == "node h2"; });
    const auto here = [](std::uint32_t node) { return StepMessage(AgentHere{node}); };
    for (const StepMessage& message :
         {here(0), here(1), here(3), here(0xffffffff), StepMessage(MetAll{small_machine()}),
          StepMessage(StepPlan{{-1, 0, 0}}), StepMessage(RankOver{2, 0}),
          StepMessage(StillHere{})}) {
        CAPTURE(message.index());
        const Peer peer(step, 0, secret_of(7));
        peer.say(message);
        CHECK(peer.is_dropped());
    }
    AgentThread c(step, 2);
    CHECK(a.tree() == c.tree());
    CHECK(a.ends().empty());
}

TEST_CASE("step agents: a peer that speaks garbage is dropped, and does no harm") {
    Step step({0, 1});
    AgentThread a(step, 0);
    for (const Bytes& bytes : {Bytes{}, Bytes{99}, Bytes(1000, 0)}) {
        const Peer peer(step, 0, secret_of(7));
        peer.say(bytes);
        CHECK(peer.is_dropped());
    }
    AgentThread b(step, 1);
    CHECK(a.tree() == b.tree());
}

TEST_CASE("step agents: an agent that speaks of ranks that it does not have is lost itself") {
    for (const std::int32_t rank : {0, -1, 2, 1 << 30}) {
        CAPTURE(rank);
        Step step({0, 1});
        AgentThread a(step, 0);
        const Peer peer(step, 0, secret_of(7));
        peer.say(AgentHere{1});
        peer.say(MetAll{small_machine()});
        a.tree();
        peer.say(RankOver{rank, 0});
        CHECK(peer.is_dropped());
        CHECK(a.wait_for_ends(1) == Ends{{1, agent_lost_status}});
    }
}

TEST_CASE("step agents: one that says twice what its node is, is lost") {
    Step step({0, 1, 2});
    AgentThread a(step, 0);
    const Peer peer(step, 0, secret_of(7));
    peer.say(AgentHere{1});
    for (int i = 0; i < 2; ++i) peer.say(MetAll{small_machine()});
    CHECK(a.wait_for_error().find("twice, what it is") != std::string::npos);
}

TEST_CASE("step agents: a plan of another than node 0 makes its agent lost") {
    Step step({0, 1, 2});
    AgentThread a(step, 0), b(step, 1);
    const Peer peer(step, 1, secret_of(7));
    peer.say(AgentHere{.node = 2});
    peer.say(StepPlan{{-1, 0, 0}});
    CHECK(b.wait_for_error().find("a plan that makes no sense") != std::string::npos);
}
