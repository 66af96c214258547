// SPDX-License-Identifier: Apache-2.0
// Proves that a sleeper on two words wakes for either, returns at once when one has changed, and
// does not sleep beyond its deadline.
#include "base/futex.hpp"

#include <doctest/doctest.h>

#include <thread>
#include <vector>

#include "base/mapping.hpp"

using namespace ipcrun;

namespace {

using Word = std::atomic<std::uint32_t>;

/// Two words in shared memory, seen through a mapping of each side as two processes see them.
struct Shared {
    UniqueFd fd = create_memfd("futex-test", 4096);
    Mapping here{fd.get(), 0, 4096}, there{fd.get(), 0, 4096};
    Word& data(const Mapping& side) { return *reinterpret_cast<Word*>(side.data()); }
    Word& alert(const Mapping& side) { return *reinterpret_cast<Word*>(side.data() + 64); }
};

/// Starts a thread that waits until either word is no longer 0; true when it did so by itself.
template <typename Change>
bool wakes_after(Change change) {
    Shared shared;
    bool in_time = false;
    std::thread sleeper([&] {
        const Deadline deadline = Deadline::after(Seconds(20));
        Word& data = shared.data(shared.here);
        Word& alert = shared.alert(shared.here);
        while (data.load() == 0 && alert.load() == 0 && !deadline.has_passed())
            futex_wait_either(data, 0, alert, 0, deadline);
        in_time = !deadline.has_passed();
    });
    std::this_thread::yield();
    change(shared);
    sleeper.join();
    return in_time;
}

}  // namespace

TEST_CASE("futex: a sleeper wakes when its word changes") {
    CHECK(wakes_after([](Shared& shared) {
        shared.data(shared.there).store(1);
        futex_wake(shared.data(shared.there), 1);
    }));
}

TEST_CASE("futex: a sleeper wakes for the alert word too") {
    CHECK(wakes_after([](Shared& shared) {
        shared.alert(shared.there).store(1);
        futex_wake_all(shared.alert(shared.there));
    }));
}

TEST_CASE("futex: a word that has changed already is not slept on") {
    Word data{1}, alert{0};
    futex_wait_either(data, 0, alert, 0, Deadline::never());
    data = 0;
    alert = 1;
    futex_wait_either(data, 0, alert, 0, Deadline::never());
    CHECK(true);  // neither call slept for ever
}

TEST_CASE("futex: a wait without news ends near its deadline") {
    Word data{0}, alert{0};
    const Deadline deadline = Deadline::after(Seconds(0.02));
    while (!deadline.has_passed()) futex_wait_either(data, 0, alert, 0, deadline);
    CHECK(deadline.has_passed());
}

TEST_CASE("futex: two threads hand a word to and fro without losing a wake-up") {
    Shared shared;
    constexpr std::uint32_t turns = 2000;
    const auto play = [&](const Mapping& side, std::uint32_t parity) {
        Word& word = shared.data(side);
        for (;;) {
            const std::uint32_t now = word.load();
            if (now >= turns) return;
            if (now % 2 == parity) {
                word.store(now + 1);
                futex_wake_all(word);
            } else {
                futex_wait_either(word, now, shared.alert(side), 0, Deadline::never());
            }
        }
    };
    std::thread other([&] { play(shared.there, 1); });
    play(shared.here, 0);
    other.join();
    CHECK(shared.data(shared.here) == turns);
}

TEST_CASE("futex: a sleeper on many words wakes for the last of them, however many they are") {
    for (const std::size_t count : {3ul, 128ul, 129ul}) {
        CAPTURE(count);
        std::vector<Word> words(count);
        std::vector<FutexWait> waits;
        for (Word& word : words) waits.push_back({&word, 0});
        const Deadline deadline = Deadline::after(Seconds(20));
        std::thread sleeper([&] {
            while (words.back().load() == 0 && !deadline.has_passed())
                futex_wait_any(waits, deadline);
        });
        std::this_thread::yield();
        words.back().store(1);
        futex_wake_all(words.back());
        sleeper.join();
        CHECK_FALSE(deadline.has_passed());
    }
}
