// SPDX-License-Identifier: Apache-2.0
// Proves that the ranks of a node are seated by their agent, or told why not, and that it goes with
// the last of them.
#include "launcher/step/node_agent.hpp"

#include <doctest/doctest.h>
#include <signal.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <deque>
#include <string>
#include <thread>

#include "base/child.hpp"
#include "base/fail.hpp"
#include "base/socket.hpp"
#include "base/stream_socket.hpp"
#include "runtime/wire/step_protocol.hpp"
#include "tests/step/steps.hpp"

using namespace ipcrun;
using namespace ipcrun::testing;

namespace {

constexpr Seconds patience{60.0};

/// A process that is a rank, and what a joiner brings of it; the test speaks for it.
class Task {
  public:
    explicit Task(const std::string& host) : listener_(listen_at({.host = host})) {
        SpawnOptions options;
        options.file = "/bin/sleep";
        options.argv = {"sleep", "1000"};
        options.death_signal = SIGKILL;  // however the test ends
        process_ = spawn(options);
        std::tie(ours_, theirs_) = create_socket_pair(SocketKind::packet);
    }
    ~Task() { kill(); }
    Task(const Task&) = delete;

    TaskArrival bring(int rank) {
        return {.rank = rank,
                .process = UniqueFd(static_cast<int>(
                    check_syscall(::syscall(SYS_pidfd_open, process_.pid, 0), "watch a task"))),
                .answer = std::move(theirs_),
                .listener = std::move(listener_)};
    }
    Address address() const { return own_address(listener_.get()); }
    void kill() {
        if (process_.pid <= 0) return;
        (void)process_.signal(SIGKILL);
        (void)::waitpid(process_.pid, nullptr, 0);
        process_.pid = -1;
    }

    StepAnswer answer() {
        Packet packet = receive(ours_);
        control_ = packet.fds.empty() ? UniqueFd() : std::move(packet.fds.front());
        return decode_step_answer(packet.bytes);
    }
    NotSeated refusal() { return std::get<NotSeated>(answer()); }
    std::vector<std::string> settings() { return std::get<Seated>(answer()).settings; }

    /// How many descriptors the agent gives who joins.
    std::size_t join() {
        say(Join{.pid = process_.pid});
        const Packet packet = receive(control_);
        REQUIRE(std::holds_alternative<Joined>(decode_worker_message(packet.bytes)));
        return packet.fds.size();
    }
    void leave() {
        say(Leave{});
        control_.reset();
    }

  private:
    static Packet receive(const UniqueFd& socket) {
        Packet packet;
        REQUIRE(wait_readable(socket.get(), Deadline::after(patience)));
        REQUIRE(receive_packet(socket.get(), packet) == PacketResult::received);
        return packet;
    }
    void say(const WorkerMessage& message) {
        REQUIRE(send_packet(control_.get(), encode(message)));
    }

    Child process_;
    UniqueFd listener_, ours_, theirs_, control_;
};

/// Tasks of a step as though their joiners had met; the agents of its nodes in threads.
struct Step {
    explicit Step(const std::vector<int>& nodes) {
        std::vector<Card> cards = cards_on(nodes);
        for (std::size_t rank = 0; rank < nodes.size(); ++rank) {
            tasks.emplace_back("127.0.0.1");
            cards[rank].address = format_address(tasks.back().address());
            doors.push_back(open_door());
            cards[rank].door = doors.back().name;
            agents.push_back(listen_at({.host = "127.0.0.1"}));
            cards[rank].agent_address = format_address(own_address(agents.back().get()));
        }
        seats = seats_of(cards);
    }
    ~Step() {
        for (Task& task : tasks) task.kill();
        wait();
    }

    void start_agent(int node, Seconds time = patience) {
        const auto leader = static_cast<std::size_t>(seats.node(node).leader());
        threads.emplace_back([this, node, time, leader,
                              first = tasks[leader].bring(static_cast<int>(leader))]() mutable {
            NodeAgent agent(seats, node, find_machine, std::move(doors[leader].listener),
                            std::move(agents[leader]), Deadline::after(time));
            agent.run(std::move(first));
        });
    }
    /// As the joiner of a rank that is not the first of its node.
    void come(int rank) {
        const int node = seats.node_of[static_cast<std::size_t>(rank)];
        knock(seats.card(seats.node(node).leader()).door, secret_of(7), task(rank).bring(rank),
              Deadline::after(Seconds(20)));
    }
    Task& task(int rank) { return tasks[static_cast<std::size_t>(rank)]; }
    /// Until the agents have gone.
    void wait() {
        for (std::thread& thread : threads)
            if (thread.joinable()) thread.join();
    }

    // Discovery would write to the environment of a process of several threads.
    NodeAgent::FindMachine find_machine = [](const StepNode&) { return small_machine(); };
    StepSeats seats;
    std::deque<Task> tasks;
    std::vector<Door> doors;
    std::vector<UniqueFd> agents;
    std::vector<std::thread> threads;
};

bool has(const std::vector<std::string>& settings, const std::string& setting) {
    return std::find(settings.begin(), settings.end(), setting) != settings.end();
}

bool has(const std::string& text, std::string_view part) {
    return text.find(part) != std::string::npos;
}

}  // namespace

TEST_CASE("node agent: two ranks of one node are seated, join, and it goes when they have left") {
    Step step({0, 0});
    step.start_agent(0);
    step.come(1);
    for (const int rank : {0, 1}) {
        const auto settings = step.task(rank).settings();
        CHECK(has(settings, fmt::format("IPCRUN_RANK={}", rank)));
        CHECK(has(settings, "IPCRUN_SIZE=2"));
        CHECK(has(settings, "IPCRUN_NODE=0"));
        CHECK(has(settings, fmt::format("IPCRUN_LOCAL_RANK={}", rank)));
        CHECK(has(settings, "IPCRUN_LOCAL_SIZE=2"));
        CHECK(step.task(rank).join() == 2);  // the memory, and that of the heap
    }
    step.task(0).leave();
    step.task(1).leave();
    step.wait();
}

TEST_CASE("node agent: a rank alone is seated, and its agent goes when it is killed") {
    Step step({0});
    step.start_agent(0);
    CHECK(has(step.task(0).settings(), "IPCRUN_SIZE=1"));
    CHECK(step.task(0).join() == 2);
    step.task(0).kill();
    step.wait();
}

TEST_CASE("node agent: ranks of two nodes are seated, and get the table of all and their socket") {
    Step step({0, 1, 0});
    step.start_agent(1);
    step.start_agent(0);
    step.come(2);
    for (const int rank : {0, 1, 2}) {
        CHECK(has(step.task(rank).settings(), fmt::format("IPCRUN_RANK={}", rank)));
        CHECK(step.task(rank).join() == 4);
    }
    for (const int rank : {0, 1, 2}) step.task(rank).leave();
    step.wait();
}

TEST_CASE("node agent: a rank that dies before all have come keeps the others from a seat") {
    Step step({0, 0, 0});
    step.start_agent(0);
    step.come(2);
    step.task(2).kill();
    const NotSeated refused = step.task(0).refusal();
    CHECK(refused.code == ErrorCode::peer_lost);
    CHECK(refused.reason == "rank 2 on node h0 has ended before all others had come");
    step.wait();
}

TEST_CASE("node agent: so it is when the first rank of the node dies") {
    Step step({0, 0, 0});
    step.start_agent(0);
    step.come(1);
    step.task(0).kill();
    CHECK(has(step.task(1).refusal().reason, "rank 0 on node h0 has ended"));
    step.wait();
}

TEST_CASE("node agent: where the machine cannot be read all ranks of the node are told why") {
    Step step({0, 0});
    step.find_machine = [](const StepNode& node) -> topology::Machine {
        CHECK(node.ranks == std::vector<int>{0, 1});
        fail(ErrorCode::system, "read the topology of this host: no");
    };
    step.start_agent(0);
    const NotSeated refused = step.task(0).refusal();
    CHECK(refused.code == ErrorCode::system);
    CHECK(refused.reason == "read the topology of this host: no");
    step.wait();
}

TEST_CASE("node agent: at its deadline who has come is told who has not") {
    Step step({0, 0, 0});
    step.start_agent(0, Seconds(3));
    step.come(1);
    for (const int rank : {0, 1}) {
        const NotSeated refused = step.task(rank).refusal();
        CHECK(refused.code == ErrorCode::timeout);
        CHECK(has(refused.reason, "not come in time: rank 2 on node h0 (IPCRUN_JOIN_TIMEOUT "));
    }
    step.wait();
}

TEST_CASE("node agent: at its deadline who has come is told of nodes that have not") {
    Step step({0, 0, 1});
    step.start_agent(0, Seconds(3));
    step.come(1);
    CHECK(has(step.task(0).refusal().reason, "not come in time: node h1 ("));
    CHECK(has(step.task(1).refusal().reason, "not come in time: node h1 ("));
    step.wait();
}

TEST_CASE("node agent: a node that cannot have all its ranks keeps those of others from a seat") {
    Step step({0, 1, 1, 2});
    step.start_agent(0);
    step.start_agent(1);
    step.task(1).kill();
    CHECK(step.task(0).refusal().reason == "the agent of node h1 is lost: it has ended");
    step.wait();
}

TEST_CASE("node agent: a rank that comes twice, or to the wrong node, is not taken") {
    Step step({0, 0, 1});
    step.start_agent(0);
    Task again("127.0.0.1"), astray("127.0.0.1");
    step.come(1);
    knock(step.seats.card(0).door, secret_of(7), again.bring(1), Deadline::after(Seconds(20)));
    knock(step.seats.card(0).door, secret_of(7), astray.bring(2), Deadline::after(Seconds(20)));
    step.start_agent(1);
    for (const int rank : {0, 1, 2})
        CHECK(has(step.task(rank).settings(), fmt::format("IPCRUN_RANK={}", rank)));
    for (Task& task : step.tasks) task.join();
    for (Task& task : step.tasks) task.leave();
    step.wait();
}
