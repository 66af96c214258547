// SPDX-License-Identifier: Apache-2.0
// A rank of a job whose last rank is about to be lost: see peer_loss.sh.
//     loss KIND inline|large|copies|private [started] [DEADLINE]
// KIND is a collective, with a v for varying counts, or split. Prints its rank, the error's code
// and rank, the seconds it took to come, and what was harmed. After a timeout rank 0 ends with
// status 3, when the other survivors are through.
#include <sched.h>

#include <cstdlib>
#include <cstring>

#include "base/fail.hpp"
#include "runtime/job.hpp"
#include "tests/support/survivor.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

SurvivorOptions parse(int argc, char** argv) {
    const std::string_view size = argc > 2 ? argv[2] : "";
    SurvivorOptions options;
    bool known = false;
    for (const Form& form : all_forms(size == "inline" ? 8 : 40000))
        if (argc > 1 && name_of(form) == argv[1]) {
            options.form = form;
            known = true;
        }
    if (size == "copies") options.form.memory = Memory::strided;
    if (size == "private") options.form.memory = Memory::outside;
    for (int i = 3; i < argc; ++i) {
        if (std::strcmp(argv[i], "started") == 0)
            options.starts = true;
        else
            options.deadline_seconds = std::atof(argv[i]);
    }
    check(known, "usage: loss KIND inline|large|copies|private [started] [DEADLINE]");
    return options;
}

Survival survive_splits(Communicator& world) {
    Survival result;
    auto last_good = Clock::now();
    try {
        for (;; last_good = Clock::now()) {
            auto half = world.split(world.rank() % 2);
            half->barrier();
        }
    } catch (const Error& error) {
        result.code = ipcrun::name_of(error.code);
        result.rank = error.rank.value_or(-1);
    }
    result.seconds = std::chrono::duration<double>(Clock::now() - last_good).count();
    return result;
}

}  // namespace

int main(int argc, char** argv) {
    const auto job = Job::join();
    Communicator& world = job->world();
    const int victim = world.size() - 1;
    const bool splits = argc > 1 && std::strcmp(argv[1], "split") == 0;
    auto others = world.split(world.rank() == victim ? -1 : 0);
    const Survival end =
        splits ? survive_splits(world)
               : survive(world, others ? &*others : nullptr, *job->heap(), parse(argc, argv));
    fmt::print("{} {} {} {:.3f} {}\n", world.rank(), end.code, end.rank, end.seconds, end.found);
    std::fflush(stdout);
    if (end.code != "timeout" || world.rank() != 0) return 0;
    for (int other = 1; other < victim; ++other)
        while (job->heap()->memory()->control().rank(other).state.load() == RankState::joined)
            ::sched_yield();
    return 3;
}
