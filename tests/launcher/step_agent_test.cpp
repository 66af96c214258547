// SPDX-License-Identifier: Apache-2.0
// Proves that an agent in a step of a batch system misses none of the signals by which that tells
// of the job's end, whenever they come.
#include <doctest/doctest.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <variant>

#include "base/deadline.hpp"
#include "base/socket.hpp"
#include "launcher/agent_process.hpp"
#include "launcher/agent_protocol.hpp"
#include "launcher/frames.hpp"
#include "launcher/hosts/guard.hpp"
#include "launcher/signals.hpp"
#include "launcher/step_signals.hpp"

using namespace ipcrun;

namespace {

/// A guard with its agent, and the launcher's end of their connection. SIGTERM comes to it before
/// there is an agent.
class StepAgent {
  public:
    StepAgent() {
        auto [ours, theirs] = create_socket_pair(SocketKind::stream);
        guard_ = ::fork();
        if (guard_ == 0) {
            ignore_terminal_signals();
            prepare_signals();
            hold_step_signals();
            (void)::raise(SIGTERM);
            ours.reset();
            ::_exit(guard_agent(both_ways(std::move(theirs)), {}, BatchStep{}));
        }
        REQUIRE(guard_ > 0);
        socket_ = std::move(ours);
    }
    ~StepAgent() {
        socket_.reset();
        (void)::waitpid(guard_, nullptr, 0);
    }
    StepAgent(const StepAgent&) = delete;

    void say(const ToAgent& message) const {
        const Bytes body = encode(message);
        Encoder out;
        out.number(static_cast<std::uint32_t>(body.size()));
        Bytes frame = out.take();
        frame.insert(frame.end(), body.begin(), body.end());
        REQUIRE(::write(socket_.get(), frame.data(), frame.size()) ==
                static_cast<ssize_t>(frame.size()));
    }

    /// The next message of this kind; what comes before it is left out.
    template <typename Message>
    Message hear() {
        for (;;) {
            while (const auto frame = frames_.next()) {
                ToLauncher message = decode_to_launcher(*frame);
                if (auto* wanted = std::get_if<Message>(&message)) return std::move(*wanted);
            }
            Bytes bytes(4096);
            REQUIRE(wait_readable(socket_.get(), Deadline::after(Seconds(30))));
            const ssize_t count = ::read(socket_.get(), bytes.data(), bytes.size());
            REQUIRE(count > 0);
            frames_.feed(std::span(bytes).first(static_cast<std::size_t>(count)));
        }
    }

  private:
    pid_t guard_ = -1;
    UniqueFd socket_;
    FrameReader frames_;
};

}  // namespace

TEST_CASE("step agent: the launcher is told of a signal that came before there was an agent") {
    StepAgent agent;
    agent.hear<Terminated>();
}

TEST_CASE("step agent: ranks that are launched after the job's end was told are told of it") {
    StepAgent agent;
    agent.hear<Terminated>();
    agent.say(Launch{.program = "/bin/sleep",
                     .argv = {"sleep", "1000"},
                     .arena_bytes = 1 << 20,
                     .job_ranks = 1,
                     .ranks = {{}}});
    agent.hear<Started>();
    CHECK(agent.hear<Ended>().wait_status == SIGTERM);
}
