// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/agents.hpp"

#include <algorithm>
#include <utility>

#include "base/fail.hpp"
#include "base/stream_socket.hpp"
#include "runtime/stream/dial.hpp"
#include "topology/discover/live_devices.hpp"

namespace ipcrun {

namespace {

constexpr Seconds flush_time_max{1.0};

Key key_of(const StepSeats& seats) {
    Key key;
    key.bytes = seats.card(0).secret;
    return key;
}

}  // namespace

StepAgents::StepAgents(EventLoop& loop, const StepSeats& seats, int node,
                       const topology::Machine& machine, UniqueFd listener, Deadline deadline,
                       Callbacks callbacks)
    : loop_(loop),
      seats_(seats),
      node_(node),
      callbacks_(std::move(callbacks)),
      machine_(machine),
      machines_(node == 0 ? seats.nodes.size() : 0),
      is_there_(seats.nodes.size()),
      absent_(nodes() - 1),
      has_ended_(static_cast<std::size_t>(seats.size())) {
    if (absent_ == 0) meet_all();
    for (int other = 0; other < node; ++other) connect(call(other, deadline), other);
    if (node + 1 < nodes())
        acceptor_.emplace(loop, std::move(listener),
                          AcceptorOptions{.key = key_of(seats), .purpose = step_purpose},
                          [this](SecureStream stream) { connect(std::move(stream), -1); });
}

// Its socket listens since before its card was given: where nobody listens, it has ended; where
// nobody answers yet, it still looks at its machine, or calls others itself.
SecureStream StepAgents::call(int other, Deadline deadline) const {
    const Card& card = seats_.card(seats_.node(other).leader());
    const DialOptions options{
        .key = key_of(seats_), .purpose = step_purpose, .waits_for_listener = false};
    for (;;) {
        try {
            return dial(parse_address(card.agent_address), options, deadline);
        } catch (const Error& error) {
            const bool may_come =
                error.code == ErrorCode::timeout || error.code == ErrorCode::peer_lost;
            if (!may_come || deadline.has_passed())
                throw Error(error.code, fmt::format("reach the agent of node {}: {}",
                                                    seats_.node(other).host, error.what()));
        }
    }
}

void StepAgents::connect(SecureStream stream, int node) {
    auto other = std::make_unique<Other>(Other{.node = node});
    Other& its = *other;
    other->link = std::make_unique<AgentLink>(
        loop_, std::move(stream), encode(StillHere{}),
        AgentLink::Callbacks{
            .frame = [this, &its](auto frame) { receive(its, decode_step_message(frame)); },
            .lost = [this, &its](const std::string& why,
                                 int wait_status) { lose(its, why, wait_status); }});
    others_.push_back(std::move(other));
    its.link->send(encode(AgentHere{static_cast<std::uint32_t>(node_)}));
    if (is_ready_) its.link->expect_life();
}

void StepAgents::receive(Other& other, const StepMessage& message) {
    if (other.node < 0 && !std::holds_alternative<AgentHere>(message))
        fail(ErrorCode::protocol, "an agent must say first which node it is of");
    std::visit([&](const auto& body) { act(other, body); }, message);
}

void StepAgents::act(Other& other, const AgentHere& here) {
    const int node = static_cast<int>(here.node);
    const bool is_expected = other.node >= 0 ? node == other.node : node > node_ && node < nodes();
    if (!is_expected || is_there_[static_cast<std::size_t>(node)])
        fail(ErrorCode::protocol, "an agent says that it is of node {}", node);
    other.node = node;
    is_there_[static_cast<std::size_t>(node)] = true;
    --absent_;
    if (absent_ == 0) meet_all();
}

void StepAgents::meet_all() {
    if (node_ == 0) {
        machines_[0] = machine_;
        return plan_when_all_have_met();
    }
    for (const auto& other : others_)
        if (other->node == 0) other->link->send(encode(MetAll{machine_}));
}

void StepAgents::act(Other& other, const MetAll& met) {
    const auto node = static_cast<std::size_t>(other.node);
    if (node_ != 0 || machines_[node])
        fail(ErrorCode::protocol, "an agent says to one that does not plan, or twice, what it is");
    machines_[node] = met.machine;
    plan_when_all_have_met();
}

// When each has met each: one that goes with its ranks before another has come to it could not tell
// that of their ends.
void StepAgents::plan_when_all_have_met() {
    std::vector<topology::Machine> machines;
    for (const auto& machine : machines_) {
        if (!machine) return;
        machines.push_back(*machine);
    }
    const std::vector<int> parents = plan_tree(seats_, machines, topology::count_adapters() == 0);
    const Bytes plan = encode(StepPlan{{parents.begin(), parents.end()}});
    for (const auto& other : others_)
        if (other->node >= 0) other->link->send(plan);
    get_ready(parents);
}

void StepAgents::act(Other& other, const StepPlan& plan) {
    const auto is_rank = [this](int parent) { return parent >= -1 && parent < seats_.size(); };
    if (other.node != 0 || plan.tree_parents.size() != seats_.cards.size() ||
        !std::all_of(plan.tree_parents.begin(), plan.tree_parents.end(), is_rank))
        fail(ErrorCode::protocol, "a plan that makes no sense");
    get_ready({plan.tree_parents.begin(), plan.tree_parents.end()});
}

void StepAgents::get_ready(const std::vector<int>& tree_parents) {
    if (std::exchange(is_ready_, true)) return;
    // Until now one may have been busy for long.
    for (const auto& other : others_) other->link->expect_life();
    callbacks_.ready(tree_parents);
}

void StepAgents::act(Other& other, const RankOver& over) {
    if (over.rank < 0 || over.rank >= seats_.size() ||
        seats_.node_of[static_cast<std::size_t>(over.rank)] != other.node)
        fail(ErrorCode::protocol, "an agent speaks of a rank that it does not have");
    note_end(over.rank, over.wait_status);
}

void StepAgents::note_end(int rank, int wait_status) {
    if (has_ended_[static_cast<std::size_t>(rank)]) return;
    has_ended_[static_cast<std::size_t>(rank)] = true;
    callbacks_.ended(rank, wait_status);
}

// With the last rank of its node an agent goes, too; before that its ranks are lost with it.
void StepAgents::lose(Other& other, const std::string& why, int wait_status) {
    if (other.node < 0) return;  // it never came: that of the node is still awaited
    const StepNode& node = seats_.node(other.node);
    if (!is_ready_ && !are_over(node))
        fail(ErrorCode::peer_lost, "the agent of node {} is lost: {}", node.host, why);
    for (const int rank : node.ranks) note_end(rank, wait_status);
}

bool StepAgents::are_over(const StepNode& node) const {
    return std::all_of(node.ranks.begin(), node.ranks.end(),
                       [this](int rank) { return has_ended_[static_cast<std::size_t>(rank)]; });
}

bool StepAgents::are_others_over() const {
    const StepNode& own = seats_.node(node_);
    return std::all_of(seats_.nodes.begin(), seats_.nodes.end(),
                       [&](const StepNode& node) { return &node == &own || are_over(node); });
}

void StepAgents::tell_of_end(int rank, int wait_status) {
    check(is_ready_, "the end of a rank that none has waited for");
    const Bytes over = encode(RankOver{rank, wait_status});
    for (const auto& other : others_)
        if (other->node >= 0) other->link->send(over);
}

void StepAgents::flush() {
    const Deadline deadline = Deadline::after(flush_time_max);
    for (const auto& other : others_)
        while (!other->link->flush() && wait_writable(other->link->fd(), deadline)) {
        }
}

std::string StepAgents::missing() const {
    const auto names_of = [this](const auto& is_meant, const char* note) {
        std::string names;
        for (std::size_t node = 0; node < seats_.nodes.size(); ++node)
            if (static_cast<int>(node) != node_ && is_meant(node))
                names += fmt::format("{}node {}{}", names.empty() ? "" : ", ",
                                     seats_.nodes[node].host, note);
        return names;
    };
    if (absent_ > 0) return names_of([this](std::size_t node) { return !is_there_[node]; }, "");
    if (node_ != 0) return "";
    return names_of([this](std::size_t node) { return !machines_[node]; },
                    " (which waits for another)");
}

}  // namespace ipcrun
