// SPDX-License-Identifier: Apache-2.0
// The child that tests/children start: it does what its arguments say, one after the other.
//   echo           sends every message back until the parent is gone
//   one            the same with one message
//   say TEXT       sends it
//   say-environment NAME, say-directory, say-files, say-secret
//   report TEXT    tells the parent why it is about to end
//   forget         lets go of the parent
//   join-again     tells whether it may join a second time
//   open-queue     asks its agent for a queue by name, and says the error
//   exit STATUS, kill SIGNAL, pause
//   deaf           ignores TERM
//   escape         leaves a grandchild in a session of its own, deaf too
//   flood N        leaves N grandchildren in sessions of their own, which tell the agent the same
//                  report over and over
//   family N       starts N children that are deaf, have escaped and pause; says "ready" when all
//                  are there: by a message, or on its output where it is nobody's child
//   forked-family N  the same, and forks before that: the copy pauses, and its pid is said, too
//   nested-family N  a family of one in a family of one, N + 1 deep
//   nest N         starts a child that nests N - 1 deep, and says "1" + what that says
#include <signal.h>
#include <sys/resource.h>
#include <unistd.h>

#include <cstdlib>
#include <string_view>

#include "base/error.hpp"
#include "base/fail.hpp"
#include "base/socket.hpp"
#include "runtime/children.hpp"
#include "runtime/queue_requests.hpp"
#include "runtime/wire/worker_protocol.hpp"
#include "tests/children/texts.hpp"

using namespace ipcrun;

namespace {

std::unique_ptr<ParentProcess> parent;

void say(std::string_view text) {
    if (parent != nullptr) return send_text(parent->communicator(), text);
    fmt::print("{}\n", text);
    std::fflush(stdout);
}

void echo(bool once) {
    try {
        do send_text(parent->communicator(), receive_text(parent->communicator()));
        while (!once);
    } catch (const Error& error) {
        if (error.code != ErrorCode::peer_lost) throw;
    }
}

[[noreturn]] void pause_forever() {
    for (;;) (void)::pause();
}

void say_secret() {
    std::string text;
    if (const auto secret = parent->secret())
        for (const std::uint8_t byte : *secret) text += fmt::format("{:02x}", byte);
    say(text.empty() ? "(none)" : text);
}

void escape() {
    if (::fork() != 0) return;
    (void)::setsid();
    pause_forever();
}

constexpr int agent_fd = 3;

void open_queue() {
    try {
        (void)QueueRequests().open(agent_fd, "q", 0);
        say("opened");
    } catch (const Error& error) {
        say(fmt::format("{}: {}", name_of(error.code), error.what()));
    }
}

void flood(int count) {
    const Bytes report = encode(Report{Report::Kind::runtime_error, "flood"});
    for (int i = 0; i < count; ++i) {
        if (::fork() != 0) continue;
        (void)::setsid();
        try {
            for (;;) (void)send_packet(agent_fd, report);
        } catch (const Error&) {
            ::_exit(0);  // the agent has heard enough
        }
    }
}

[[noreturn]] void start_family(int count, const std::vector<std::string>& verbs, bool forks) {
    Children children(AGENT);
    std::vector<std::unique_ptr<ChildProcess>> started;
    for (int i = 0; i < count; ++i) started.push_back(children.spawn({SELF, verbs}));
    for (const auto& child : started) (void)receive_text(child->communicator());
    const pid_t copy = forks ? ::fork() : 0;
    if (forks && copy == 0) pause_forever();
    say(fmt::format("ready {}", copy));
    pause_forever();
}

void nest(int depth) {
    if (depth == 0) return say("0");
    Children children(AGENT);
    const auto child = children.spawn({SELF, {"child", "nest", std::to_string(depth - 1)}});
    say("1" + receive_text(child->communicator()));
}

int run(std::string_view verb, const char* argument) {
    const auto number = [&] { return std::atoi(argument); };
    if (verb == "echo" || verb == "one") return echo(verb == "one"), 0;
    if (verb == "say-directory") {
        char* directory = ::getcwd(nullptr, 0);
        say(directory);
        std::free(directory);
        return 0;
    }
    if (verb == "say-files") {
        rlimit files = {};
        (void)::getrlimit(RLIMIT_NOFILE, &files);
        return say(std::to_string(files.rlim_cur)), 0;
    }
    if (verb == "join-again") return say(ParentProcess::join() == nullptr ? "no" : "yes"), 0;
    if (verb == "open-queue") return open_queue(), 0;
    if (verb == "say-secret") return say_secret(), 0;
    if (verb == "forget") return parent.reset(), 0;
    if (verb == "deaf") return ::signal(SIGTERM, SIG_IGN), 0;
    if (verb == "escape") return escape(), 0;
    if (verb == "flood") return flood(number()), 1;
    if (verb == "pause") pause_forever();
    if (verb == "say") return say(argument), 1;
    if (verb == "say-environment") {
        const char* value = std::getenv(argument);
        return say(value == nullptr ? "(unset)" : value), 1;
    }
    if (verb == "report") return parent->report(argument), 1;
    if (verb == "exit") ::_exit(number());
    if (verb == "kill") return ::raise(number()), 1;
    const std::vector<std::string> deaf = {"child", "deaf", "escape", "say", "up", "pause"};
    if (verb == "family" || verb == "forked-family")
        start_family(number(), deaf, verb == "forked-family");
    if (verb == "nested-family" && number() == 0) start_family(1, deaf, false);
    if (verb == "nested-family")
        start_family(1, {"child", "nested-family", std::to_string(number() - 1)}, false);
    if (verb == "nest") return nest(number()), 1;
    fmt::print(stderr, "child: no verb '{}'\n", verb);
    std::exit(99);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        parent = ParentProcess::join();
        for (int i = 1; i < argc; ++i) i += run(argv[i], i + 1 < argc ? argv[i + 1] : "");
        parent.reset();
        return 0;
    } catch (const std::exception& error) {
        fmt::print(stderr, "child: {}\n", error.what());
        return 98;
    }
}
