// SPDX-License-Identifier: Apache-2.0
// Proves that the loop calls back for timers, descriptors and signals, that registrations end when
// they are dropped, wherever that happens, and that exceptions come out of run().
#include "base/event_loop.hpp"

#include <doctest/doctest.h>
#include <fcntl.h>
#include <signal.h>
#include <unistd.h>

#include <optional>
#include <stdexcept>
#include <vector>

#include "base/deadline.hpp"
#include "base/socket.hpp"

using namespace ipcrun;
using namespace std::chrono_literals;

TEST_CASE("event loop: timers fire in their order, not before their time, and once") {
    EventLoop loop;
    std::vector<int> fired;
    const auto start = Clock::now();
    const Timer late = loop.after(1s, [&] {
        fired.push_back(2);
        loop.stop();
    });
    const Timer early = loop.after(1ms, [&] { fired.push_back(1); });
    loop.run();
    CHECK(fired == std::vector<int>{1, 2});
    CHECK(Clock::now() - start >= 999ms);  // libuv counts in whole milliseconds of its own clock
}

TEST_CASE("event loop: tells when a descriptor is readable and when it ends") {
    EventLoop loop;
    auto [here, there] = create_socket_pair(SocketKind::stream);
    std::string received;
    const FdWatch watch = loop.on_readable(there.get(), [&] {
        char buffer[16];
        const ssize_t count = ::read(there.get(), buffer, sizeof buffer);
        if (count <= 0) return loop.stop();
        received.append(buffer, static_cast<std::size_t>(count));
        here.reset();
    });
    REQUIRE(::write(here.get(), "abc", 3) == 3);
    loop.run();
    CHECK(received == "abc");
}

TEST_CASE("event loop: what a peer sent before it broke off is read, however slowly") {
    EventLoop loop;
    auto [here, there] = create_socket_pair(SocketKind::stream);
    REQUIRE(::write(there.get(), "unread", 6) == 6);
    REQUIRE(::write(here.get(), "abc", 3) == 3);
    here.reset();  // with something unread: an error for the other side, not an end alone
    std::string received;
    int error = 0;
    const FdWatch watch = loop.on_readable(there.get(), [&] {
        char byte;
        const ssize_t count = ::read(there.get(), &byte, 1);
        if (count == 1) return received.append(1, byte), void();
        error = count < 0 ? errno : 0;
        loop.stop();
    });
    const Timer limit = loop.after(5s, [&] { loop.stop(); });
    loop.run();
    CHECK(received == "abc");
    CHECK(error == ECONNRESET);
}

TEST_CASE("event loop: a paused watch is silent until it is resumed") {
    EventLoop loop;
    const auto [here, there] = create_socket_pair(SocketKind::stream);
    int readable = 0, writable = 0;
    FdWatch reads = loop.on_readable(there.get(), [&] { ++readable; });
    FdWatch writes = loop.on_writable(here.get(), [&] {
        ++writable;
        loop.stop();
    });
    REQUIRE(::write(here.get(), "x", 1) == 1);
    loop.pause(reads);
    loop.pause(writes);
    const Timer pause = loop.after(5ms, [&] {
        CHECK(readable == 0);
        CHECK(writable == 0);
        loop.pause(reads);  // a second time changes nothing
        loop.resume(writes);
    });
    loop.run();
    CHECK(readable == 0);
    CHECK(writable == 1);
}

TEST_CASE("event loop: one watch can wait for both directions, and change its mind") {
    EventLoop loop;
    const auto [here, there] = create_socket_pair(SocketKind::stream);
    int calls = 0;
    FdWatch watch = loop.on_readable(here.get(), [&] {
        // Writable at once; readable only when the other side has written.
        if (++calls == 1) {
            loop.set_interest(watch, true, false);
            REQUIRE(::write(there.get(), "x", 1) == 1);
        } else {
            loop.stop();
        }
    });
    loop.set_interest(watch, true, true);
    loop.run();
    CHECK(calls == 2);
}

TEST_CASE("event loop: delivers signals in the loop") {
    EventLoop loop;
    int delivered = 0;
    const SignalWatch watch = loop.on_signal(SIGUSR2, [&] {
        if (++delivered == 2)
            loop.stop();
        else
            ::raise(SIGUSR2);
    });
    ::raise(SIGUSR2);
    CHECK(delivered == 0);
    loop.run();
    CHECK(delivered == 2);
}

TEST_CASE("event loop: a registration may be dropped inside its own callback") {
    EventLoop loop;
    const auto [here, there] = create_socket_pair(SocketKind::stream);
    REQUIRE(::write(here.get(), "x", 1) == 1);
    int calls = 0;
    std::optional<FdWatch> watch;
    std::optional<Timer> timer;
    // The captured bytes are touched after the drop: a sanitizer sees whether they are still there.
    watch = loop.on_readable(there.get(), [&, kept = std::vector<int>{1, 2, 3}] {
        watch.reset();
        calls += static_cast<int>(kept.size());
    });
    timer = loop.after(1ms, [&, kept = std::vector<int>{4}] {
        timer.reset();
        calls += kept[0] * 10;
    });
    loop.run();  // ends: nothing is registered any more
    CHECK(calls == 43);
}

TEST_CASE("event loop: a dropped registration is not called, though its event has come") {
    EventLoop loop;
    const auto [here, there] = create_socket_pair(SocketKind::stream);
    const auto [other_here, other_there] = create_socket_pair(SocketKind::stream);
    REQUIRE(::write(here.get(), "x", 1) == 1);
    REQUIRE(::write(other_here.get(), "x", 1) == 1);
    int calls = 0;
    FdWatch first, second;
    first = loop.on_readable(there.get(), [&] {
        ++calls;
        first.reset();
        second.reset();
    });
    second = loop.on_readable(other_there.get(), [&] {
        ++calls;
        first.reset();
        second.reset();
    });
    loop.run();
    CHECK(calls == 1);
}

TEST_CASE("event loop: an exception of a callback comes out of run(), which can run again") {
    EventLoop loop;
    const Timer bad = loop.after(0ms, [] { throw std::runtime_error("from a callback"); });
    CHECK_THROWS_WITH_AS(loop.run(), "from a callback", std::runtime_error);
    bool fired = false;
    const Timer good = loop.after(0ms, [&] { fired = true; });
    loop.run();
    CHECK(fired);
}

TEST_CASE("event loop: a registration can be replaced by assignment") {
    EventLoop loop;
    std::vector<int> fired;
    Timer timer = loop.after(0ms, [&] { fired.push_back(1); });
    timer = loop.after(0ms, [&] { fired.push_back(2); });
    loop.run();
    CHECK(fired == std::vector<int>{2});
}

TEST_CASE("event loop: ends cleanly when stopped outside of run()") {
    EventLoop loop;
    Timer timer = loop.after(1h, [] {});
    loop.stop();
    timer.reset();
}

TEST_CASE("event loop: what cannot be watched is an error") {
    EventLoop loop;
    const UniqueFd file(::open("/proc/self/exe", O_RDONLY | O_CLOEXEC));
    CHECK_THROWS_WITH_AS((void)loop.on_readable(file.get(), [] {}),
                         doctest::Contains("watch a descriptor"), Error);
}

namespace {

struct CountingTask final : PostedTask {
    void run() override {
        ++runs;
        if (fails) throw std::runtime_error("from a task");
        if (stops != nullptr) stops->stop();
    }
    void drop() noexcept override { ++drops; }
    int runs = 0, drops = 0;
    bool fails = false;
    EventLoop* stops = nullptr;
};

}  // namespace

TEST_CASE("event loop: tasks run once, also after one that fails; others are dropped at the end") {
    CountingTask bad, good, late;
    {
        EventLoop loop;
        loop.accept_posts();
        bad.fails = true;
        good.stops = &loop;
        loop.post(bad);
        loop.post(good);
        CHECK_THROWS_WITH_AS(loop.run(), "from a task", std::runtime_error);
        CHECK(good.runs == 0);
        loop.run();
        CHECK(good.runs == 1);
        loop.post(late);
    }
    CHECK(bad.runs == 1);
    CHECK(good.drops == 0);
    CHECK(late.runs == 0);
    CHECK(late.drops == 1);
}
