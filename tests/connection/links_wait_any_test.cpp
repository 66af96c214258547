// SPDX-License-Identifier: Apache-2.0
// Waiting for any of many links.
#include "runtime/connection/links_wait_any.hpp"

#include <doctest/doctest.h>
#include <poll.h>

#include <atomic>

#include "tests/connection/link_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

// As the neighbourhood's thread rings for sockets.
class Ringer {
  public:
    MixedSleep sleep() {
        return {&bell_, [this](std::span<const int> fds) { return watch(fds); }};
    }

  private:
    struct Watch {
        UniqueFd stop_read, stop_write;
        std::thread thread;
        ~Watch() {
            stop_write.reset();
            thread.join();
        }
    };
    std::shared_ptr<void> watch(std::span<const int> fds) {
        auto made = std::make_shared<Watch>();
        auto sockets = unix_sockets();
        made->stop_read = std::move(sockets.first);
        made->stop_write = std::move(sockets.second);
        std::vector<pollfd> polled{{made->stop_read.get(), POLLIN, 0}};
        for (const int fd : fds) polled.push_back({fd, POLLIN, 0});
        made->thread = std::thread([this, polled]() mutable {
            (void)::poll(polled.data(), polled.size(), -1);
            bell_.ring_all();
        });
        return made;
    }
    Bell bell_{};
};

struct Many {
    std::vector<Ends> ends;
    std::vector<Link*> near;

    explicit Many(const std::vector<Carrier>& carriers) {
        for (const Carrier carrier : carriers) ends.emplace_back(carrier);
        for (const Ends& pair : ends) near.push_back(pair.second.get());
    }
};

const std::vector<std::vector<Carrier>> mixtures{
    {Carrier::memory, Carrier::memory, Carrier::process},
    {Carrier::tcp, Carrier::unix_socket, Carrier::encrypted},
    {Carrier::tcp, Carrier::memory, Carrier::encrypted, Carrier::process}};

}  // namespace

TEST_CASE("wait_any: finds the message wherever it comes, and waits for it") {
    for (const auto& mixture : mixtures) {
        Many many(mixture);
        Ringer ringer;
        const auto sleep = ringer.sleep();
        CHECK_FALSE(wait_any(many.near, 3, 0, now(), sleep));
        CHECK_FALSE(wait_any(many.near, 3, 0, Deadline::after(Seconds(0.02)), sleep));
        for (std::size_t i = 0; i < mixture.size(); ++i) {
            CAPTURE(i);
            std::atomic<bool> waits = false;
            run_both(
                [&] {
                    while (!waits) std::this_thread::yield();
                    send_text(*many.ends[i].first, "other tag", 4);
                    send_text(*many.ends[i].first, "here", 3, "note");
                },
                [&] {
                    waits = true;
                    CHECK(wait_any(many.near, 3, 0, soon(), sleep) == i);
                    CHECK(text_of(many.near[i]->receive(3, soon())) == "here");
                });
        }
    }
}

TEST_CASE("wait_any: looks from the first that it is told, and around") {
    for (const auto& mixture : mixtures) {
        Many many(mixture);
        Ringer ringer;
        const auto sleep = ringer.sleep();
        for (const Ends& pair : many.ends) send_text(*pair.first, "x");
        for (std::size_t i = 0; i < mixture.size(); ++i) (void)many.near[i]->wait(0, soon());
        for (std::size_t i = 0; i < mixture.size(); ++i)
            CHECK(wait_any(many.near, 0, i, soon(), sleep) == i);
        (void)many.near[1]->receive(0, soon());
        CHECK(wait_any(many.near, 0, 1, soon(), sleep) == 2);
    }
}

TEST_CASE("wait_any: a link that is closed, here or there, counts as ready") {
    for (const auto& mixture : mixtures) {
        for (std::size_t i = 0; i < mixture.size(); ++i) {
            for (const bool here : {false, true}) {
                CAPTURE(i);
                Many many(mixture);
                Ringer ringer;
                const auto sleep = ringer.sleep();
                if (here) many.near[i]->close();
                run_both(
                    [&] {
                        if (!here) many.ends[i].first->close();
                    },
                    [&] { CHECK(wait_any(many.near, 0, 0, soon(), sleep) == i); });
            }
        }
    }
}

TEST_CASE("wait_any: a hundred sockets that talk are all heard") {
    Many many(std::vector<Carrier>(100, Carrier::unix_socket));
    Ringer ringer;
    const auto sleep = ringer.sleep();
    std::vector<int> heard(100);
    run_both(
        [&] {
            for (int i = 0; i < 1000; ++i) send_text(*many.ends[(i * 37) % 100].first, "x");
        },
        [&] {
            for (std::size_t i = 0, at = 0; i < 1000; ++i) {
                at = wait_any(many.near, 0, at + 1, soon(), sleep).value();
                (void)many.near[at]->receive(0, soon());
                ++heard[at];
            }
        });
    CHECK(heard == std::vector<int>(100, 10));
}

TEST_CASE("wait_any: without links there is nothing to wait for") {
    Ringer ringer;
    CHECK(error_of([&] { (void)wait_any({}, 0, 0, Deadline::never(), ringer.sleep()); }).code ==
          ErrorCode::usage);
    CHECK_FALSE(wait_any({}, 0, 0, now(), ringer.sleep()));
}
