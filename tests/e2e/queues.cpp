// SPDX-License-Identifier: Apache-2.0
// A rank of a job whose ranks share queues by name: see queues.sh. It does what its arguments say,
// one after the other, and prints how that went:
//   open NAME CAPACITY    from here on that queue is meant
//   write TEXT            rank and TEXT
//   read                  waits for an item and prints it
//   close                 closes the queue
//   only RANK             the rest is for that rank; others leave
//   barrier               waits for all ranks
#include <cstdlib>
#include <cstring>
#include <string_view>

#include "base/fail.hpp"
#include "runtime/job.hpp"
#include "tests/support/queue_ends.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

void print(std::string_view line) {
    fmt::print("{}\n", line);
    std::fflush(stdout);
}

void run(Job& job, int argc, char** argv) {
    std::shared_ptr<SharedQueue> queue;
    for (int i = 1; i < argc; ++i) {
        const std::string_view word = argv[i];
        if (word == "open") {
            const std::string name = argv[++i];
            queue = job.open_queue(name, std::strtoull(argv[++i], nullptr, 10));
        }
        if (word == "write") {
            const std::string text = fmt::format("{} {}", job.place().rank, argv[++i]);
            check(write(*queue, text.data(), text.size()), "the queue is closed");
        }
        if (word == "read") {
            const StoragePtr item = read(*queue);
            if (item)
                print({reinterpret_cast<const char*>(item->data()), item->bytes()});
            else
                print("drained");
        }
        if (word == "close") queue->close();
        if (word == "only" && job.place().rank != std::atoi(argv[++i])) return;
        if (word == "barrier") job.world().barrier();
    }
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto job = Job::join();
        run(*job, argc, argv);
    } catch (const Error& error) {
        print(fmt::format("{}: {}", name_of(error.code), error.what()));
    }
    return 0;
}
