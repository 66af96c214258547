// SPDX-License-Identifier: Apache-2.0
// Proves how a process joins a job and leaves it; the test plays the agent.
#include "runtime/job.hpp"

#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <array>
#include <cstdlib>
#include <thread>

#include "base/error.hpp"
#include "base/socket.hpp"
#include "runtime/heap.hpp"
#include "runtime/join.hpp"
#include "runtime/wire/rank_environment.hpp"
#include "runtime/wire/worker_protocol.hpp"

using namespace ipcrun;

namespace {

// Both ends of a control socket, and the environment of the one rank behind it.
struct Agent {
    Agent() {
        std::tie(ours, theirs) = create_socket_pair(SocketKind::packet);
        set_nonblocking(ours.get());
        const RankEnvironment place{.control_fd = theirs.get()};
        for (const std::string& variable : place.format()) {
            const auto equals = variable.find('=');
            ::setenv(variable.substr(0, equals).c_str(), variable.c_str() + equals + 1, 1);
        }
    }
    ~Agent() { ::unsetenv("IPCRUN_RANK"); }

    // What the rank says next; nullopt when it says nothing more for now.
    std::optional<WorkerMessage> hear() {
        Packet packet;
        if (receive_packet(ours.get(), packet) != PacketResult::received) return std::nullopt;
        return decode_worker_message(packet.bytes);
    }

    std::shared_ptr<Job> let_join() {
        std::thread agent([this] {
            (void)wait_readable(ours.get(), Deadline::never());
            (void)hear();
            const UniqueFd control = ControlSegment::create(1, 1, 1ull << 30);
            ControlSegment(control.get()).set_secret(secret);
            const UniqueFd heap = create_memfd("heap", 1ull << 30);
            (void)send_packet(ours.get(), encode(Joined{}), std::array{control.get(), heap.get()});
        });
        auto job = Job::join();
        agent.join();
        return job;
    }

    UniqueFd ours;
    UniqueFd theirs;
    JobSecret secret = {};
};

}  // namespace

TEST_CASE("job: an agent that has ended is named by who would join") {
    auto [ours, theirs] = create_socket_pair(SocketKind::packet);
    ours.reset();
    try {
        (void)ask_to_join(theirs.get(), 2, "join the job");
        FAIL("joined");
    } catch (const Error& error) {
        CHECK(error.code == ErrorCode::peer_lost);
        CHECK(std::string(error.what()) == "join the job: the agent has ended");
    }
}

TEST_CASE("job: a rank leaves when its job goes") {
    Agent agent;
    auto job = agent.let_join();
    CHECK_FALSE(agent.hear());
    job.reset();
    const auto message = agent.hear();
    REQUIRE(message);
    CHECK(std::holds_alternative<Leave>(*message));
}

TEST_CASE("job: its ranks know its secret, and a process that is alone has none") {
    Agent agent;
    agent.secret = {7, 8, 9};
    CHECK(agent.let_join()->secret() == agent.secret);
    ::unsetenv("IPCRUN_RANK");
    CHECK_FALSE(Job::join()->secret());
}

TEST_CASE("job: a forked child that ends does not leave in its parent's name") {
    Agent agent;
    auto job = agent.let_join();
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) {
        job.reset();
        ::_exit(0);
    }
    int status = 0;
    REQUIRE(::waitpid(child, &status, 0) == child);
    CHECK(status == 0);
    CHECK_FALSE(agent.hear());
}

TEST_CASE("job: a process that is alone has messages beside its world's") {
    const auto job = Job::join();
    int value = 7;
    const Part part{&value, 1, Dtype::i32};
    job->messages().send({&part, 1}, 0, 5);
    CHECK_FALSE(job->world().test_message());
    value = 0;
    CHECK(job->messages().receive({&part, 1}).tag == 5);
    CHECK(value == 7);
    CHECK(&job->messages() == &job->messages());
}
