// SPDX-License-Identifier: Apache-2.0
// Proves that private memory is worked on through the kernel where that is allowed and copied where
// it is not, with the same results, and what is said of a peer that is gone.
#include <doctest/doctest.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>

#include "runtime/peer_memory.hpp"
#include "tests/runtime/exact_cases.hpp"
#include "tests/support/run_ranks.hpp"

using namespace ipcrun;
using namespace ipcrun::test;

namespace {

// Bytes of the shared heap that this rank holds after operations on its private memory.
std::size_t heap_used_for_private(Rank& self) {
    constexpr std::size_t count = 300000;
    std::vector<float> data(count, 1), all(3 * count);
    const Part part{data.data(), count, Dtype::f32}, parts{all.data(), 3 * count, Dtype::f32};
    const std::vector<std::size_t> counts{count, count, count};
    self.world.allreduce({&part, 1}, Op::sum);
    self.world.broadcast({&part, 1}, 1);
    self.world.run(Collective::allgather(part, parts));
    self.world.run(Collective::reduce_scatter(parts, part, Op::avg));
    self.world.run(Collective::allgatherv(part, parts));
    CHECK(std::count(all.begin(), all.end(), 3.0f) == std::ptrdiff_t(all.size()));
    return self.heap->held_bytes();
}

}  // namespace

TEST_CASE("private memory: it is worked on through the kernel, and copied when that is refused") {
    for (const int refused : {-1, 0, 2})
        for (const int cpus : {1, 3})
            run_ranks({.ranks = 3, .cpus = cpus}, [&](Rank& self) {
                if (self.rank == refused)
                    self.memory->control().rank(refused).peer_access = PeerAccess::refused;
                self.world.barrier();
                self.world.barrier();  // all have tried it when they met, and told
                const std::size_t used = heap_used_for_private(self);
                auto& group = self.world.impl().node().group;
                if (refused < 0 && !group.has_peer_access()) {
                    MESSAGE("this kernel lets nobody at the memory of others");
                    return;
                }
                CHECK(group.has_peer_access() == (refused < 0));
                CHECK((used > 1'000'000) == (refused >= 0));
                const Self own{self.world, self.heap};
                check_reductions(own, Op::sum, Dtype::f32, 40000, Where::private_memory);
                check_moves(own, Dtype::f64, 20001, Where::private_memory, Where::strided);
                check_varying(own, Dtype::i32, 40001, Where::misaligned, Where::private_memory);
            });
}

TEST_CASE("private memory: a peer whose process is gone is lost, and named") {
    const pid_t child = ::fork();
    REQUIRE(child >= 0);
    if (child == 0) ::_exit(0);
    REQUIRE(::waitpid(child, nullptr, 0) == child);
    for (const bool varying : {false, true})
        run_ranks({.ranks = 3}, [&](Rank& self) {
            constexpr std::size_t count = 1 << 20;
            std::vector<float> data(count), all(3 * count);
            self.world.barrier();
            self.world.barrier();
            if (!self.world.impl().node().group.has_peer_access()) return;
            self.world.barrier();
            if (self.rank == 1) self.memory->control().rank(1).memory_pid = child;
            self.world.barrier();
            const Part from{data.data(), count, Dtype::f32}, to{all.data(), 3 * count, Dtype::f32};
            try {
                self.world.run(varying ? Collective::allgatherv(from, to)
                                       : Collective::allgather(from, to));
                CHECK_MESSAGE(false, "memory was read of a process that is gone");
            } catch (const Error& error) {
                CHECK(error.code == ErrorCode::peer_lost);
                CHECK(error.rank == 1);
            }
        });
}
