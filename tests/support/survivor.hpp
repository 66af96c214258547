// SPDX-License-Identifier: Apache-2.0
#pragma once
/// What a rank does whose peer is about to be lost: the same collective again and again, until an
/// error comes; then it looks whether anything of its own was harmed.

#include <chrono>
#include <memory>
#include <mutex>
#include <optional>
#include <string>
#include <thread>
#include <vector>

#include "base/error.hpp"
#include "runtime/communicator.hpp"
#include "tests/support/every_collective.hpp"

namespace ipcrun::test {

struct Survival {
    std::string code;             ///< of the error
    int rank = -1;                ///< that it names
    double seconds = 0;           ///< since the last operation that went well, until the error came
    std::string message;          ///< of the error
    std::string found = "clean";  ///< or what was harmed
};

struct SurvivorOptions {
    Form form;
    bool starts = false;          ///< two operations at a time, started
    double deadline_seconds = 0;  ///< of each operation; 0: none
};

namespace detail {

// A killed process takes its private memory along, and peers that read it get an error. The memory
// of a thread that is struck would be freed, and peers read what comes there next: so it is kept,
// to the end of the process too, when the heap that it would go back to is no longer there.
inline void keep_for_good(std::unique_ptr<Exercise> memory) {
    static std::mutex mutex;
    static auto& of_the_dead = *new std::vector<std::unique_ptr<Exercise>>;
    const std::lock_guard lock(mutex);
    of_the_dead.push_back(std::move(memory));
}

inline void operate(Communicator& world, const SurvivorOptions& options, Exercise& first,
                    Exercise& second, int root) {
    const auto deadline = options.deadline_seconds > 0
                              ? Deadline::after(Seconds(options.deadline_seconds))
                              : Deadline::never();
    if (!options.starts) return world.run(first.collective(root), deadline);
    Request one = world.start(first.collective(root), deadline);
    Request two = world.start(second.collective(root), deadline);
    (void)one.wait();
    (void)two.wait();
}

// Memory that was given back is used at once: does anybody still write to where the old was?
inline bool stays_untouched(Heap& heap, std::size_t count) {
    std::vector<std::unique_ptr<Guarded>> fresh;
    for (int i = 0; i < 4; ++i)
        fresh.push_back(std::make_unique<Guarded>(heap, Memory::heap, count));
    const auto until = Clock::now() + std::chrono::milliseconds(5);
    bool good = true;
    do {
        for (const auto& one : fresh) good = good && one->is_all_one() && one->is_intact();
        std::this_thread::yield();
    } while (Clock::now() < until);
    return good;
}

}  // namespace detail

/// `others`: a communicator of those that will live, or null; an operation of it is under way while
/// the peer is lost, and has to end well.
inline Survival survive(Communicator& world, Communicator* others, Heap& heap,
                        const SurvivorOptions& options) {
    Survival result;
    const auto spoil = [&result](const char* what) { result.found = what; };
    Guarded kept(heap, Memory::heap, 5000);
    const Part kept_part = kept.part();
    Request under_way;
    if (others != nullptr)
        under_way = others->start(Collective::allreduce({&kept_part, 1}, Op::max));
    auto first = std::make_unique<Exercise>(heap, options.form, world.rank(), world.size());
    auto second = std::make_unique<Exercise>(heap, options.form, world.rank(), world.size());
    auto last_good = Clock::now();
    try {
        for (int i = 0; i < 100000; ++i) {
            detail::operate(world, options, *first, *second, i % world.size());
            last_good = Clock::now();
            if (!first->is_all_one() || !second->is_all_one()) spoil("a wrong result");
        }
        spoil("no error came");
    } catch (const Error& error) {
        result.code = ipcrun::name_of(error.code);
        result.rank = error.rank.value_or(-1);
        result.message = error.what();
    } catch (...) {  // struck
        detail::keep_for_good(std::move(first));
        detail::keep_for_good(std::move(second));
        throw;
    }
    result.seconds = std::chrono::duration<double>(Clock::now() - last_good).count();
    if (!first->is_intact() || !second->is_intact()) spoil("written beyond its memory");
    first.reset();
    second.reset();
    if (!detail::stays_untouched(heap, options.form.count * static_cast<std::size_t>(world.size())))
        spoil("written to memory that was given up");
    try {
        world.barrier();
        spoil("the lost communicator works");
    } catch (const Error& error) {
        if (result.message != error.what()) spoil("another error later");
    }
    if (others != nullptr) {
        (void)under_way.wait();
        others->barrier();
    }
    if (!kept.is_all_one() || !kept.is_intact()) spoil("another operation was harmed");
    return result;
}

}  // namespace ipcrun::test
