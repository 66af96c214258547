// SPDX-License-Identifier: Apache-2.0
#include "launcher/step/agent_link.hpp"

#include <doctest/doctest.h>
#include <unistd.h>

#include <algorithm>
#include <functional>
#include <thread>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "runtime/stream/dial.hpp"
#include "runtime/wire/job_table.hpp"

using namespace ipcrun;

namespace {

struct Ends {
    Ends() {
        auto [a, b] = create_socket_pair(SocketKind::stream);
        const DialOptions options{.key = Key::random(), .purpose = step_purpose};
        const Deadline deadline = Deadline::after(Seconds(60));
        std::thread server([&, socket = std::move(b)]() mutable {
            theirs.emplace(shake_hands(std::move(socket), Role::server, options, "us", deadline));
        });
        ours.emplace(shake_hands(std::move(a), Role::client, options, "them", deadline));
        server.join();
    }
    std::optional<SecureStream> ours, theirs;
};

struct Loss {
    std::string why;
    int wait_status = 0;
    int count = 0;
};

constexpr Seconds soon{0.15};
constexpr Seconds never{3600};

/// An agent's link in a loop that ends with it: one of its own, or that of another.
struct Watched {
    explicit Watched(SecureStream stream, Seconds silence_max, EventLoop* common = nullptr)
        : loop(common == nullptr ? own : *common),
          link(loop, std::move(stream), {7},
               {.frame =
                    [this](auto frame) {
                        frames.emplace_back(frame.begin(), frame.end());
                        if (frames.back() == Bytes{0}) fail(ErrorCode::protocol, "a zero");
                        if (frames.back() == Bytes{1}) loop.stop();
                        if (heard) heard();
                    },
                .lost =
                    [this](const std::string& why, int wait_status) {
                        loss = {why, wait_status, loss.count + 1};
                        loop.stop();
                    }},
               silence_max) {
        link.expect_life();
    }
    EventLoop own;
    EventLoop& loop;
    std::function<void()> heard;
    std::vector<Bytes> frames;
    Loss loss;
    AgentLink link;
};

void write(const SecureStream& stream, const Bytes& bytes) {
    REQUIRE(::write(stream.fd(), bytes.data(), bytes.size()) == static_cast<ssize_t>(bytes.size()));
}

}  // namespace

TEST_CASE("agent link: who is silent for too long is lost with its host") {
    Ends ends;
    Watched watched(std::move(*ends.ours), soon);
    watched.loop.run();
    CHECK(watched.loss.wait_status == host_lost_status);
    CHECK(watched.loss.why == "it has been silent for 0.15 s");
    CHECK(watched.loss.count == 1);
    // It was told meanwhile that we are there.
    Bytes heard(5);
    REQUIRE(::read(ends.theirs->fd(), heard.data(), heard.size()) == 5);
    CHECK(heard == Bytes{1, 0, 0, 0, 7});
}

TEST_CASE("agent link: two who have nothing to say are not lost") {
    Ends ends;
    // In one loop neither is late for the other.
    const Seconds silence_max{0.6};
    Watched ours(std::move(*ends.ours), silence_max);
    Watched theirs(std::move(*ends.theirs), silence_max, &ours.loop);
    ours.heard = theirs.heard = [&] {
        // Without what they say for that, each would be lost at its fourth beat.
        if (std::min(ours.frames.size(), theirs.frames.size()) >= 5) ours.loop.stop();
    };
    ours.loop.run();
    CHECK(ours.loss.count == 0);
    CHECK(theirs.loss.count == 0);
}

TEST_CASE("agent link: what comes goes to its owner, frame by frame") {
    Ends ends;
    Watched watched(std::move(*ends.ours), never);
    write(*ends.theirs, {2, 0, 0, 0, 5, 6, 1, 0, 0, 0, 1});
    watched.loop.run();
    CHECK(watched.frames == std::vector<Bytes>{{5, 6}, {1}});
    CHECK(watched.loss.count == 0);
}

TEST_CASE("agent link: who closes is lost, and its host is not") {
    Ends ends;
    Watched watched(std::move(*ends.ours), never);
    ends.theirs.reset();
    watched.loop.run();
    CHECK(watched.loss.wait_status == agent_lost_status);
    CHECK(watched.loss.why == "it has ended");
}

TEST_CASE("agent link: who says what makes no sense is lost once, and heard no more") {
    Ends ends;
    Watched watched(std::move(*ends.ours), never);
    write(*ends.theirs, {1, 0, 0, 0, 0, 1, 0, 0, 0, 0});
    watched.loop.run();
    CHECK(watched.frames.size() == 1);
    CHECK(watched.loss.count == 1);
    CHECK(watched.loss.wait_status == agent_lost_status);
    CHECK(watched.loss.why == "it says what makes no sense: a zero");
}

TEST_CASE("agent link: a frame longer than any is no frame") {
    Ends ends;
    Watched watched(std::move(*ends.ours), never);
    write(*ends.theirs, {255, 255, 255, 255, 0});
    watched.loop.run();
    CHECK(watched.loss.count == 1);
    CHECK(watched.loss.wait_status == agent_lost_status);
}

TEST_CASE("agent link: one that is closed by its owner says and hears nothing") {
    Ends ends;
    Watched watched(std::move(*ends.ours), soon);
    watched.link.close();
    watched.link.send({1});
    CHECK(watched.link.flush());
    watched.loop.run();  // nothing is registered any more
    CHECK(watched.loss.count == 0);
}
