// SPDX-License-Identifier: Apache-2.0
// One way of a message between two pinned processes, there and back:  pingpong [BYTES...]
// One JSON line a size, and one for a memcpy of as many bytes into warm memory.
#include <cstring>
#include <memory>
#include <vector>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "bench/measure.h"
#include "bench/processes.hpp"
#include "runtime/mailbox.hpp"

using namespace ipcrun;

namespace {

struct Buffers {
    std::byte* mine;
    std::byte* other;
};

void exchange(Mailbox& mail, int rank, const Part& out, const Part& in) {
    const auto send = [&] { mail.send({&out, 1}, 1 - rank, 0, Deadline::never(), {}); };
    if (rank == 0) send();
    (void)mail.receive({&in, 1}, 1 - rank, 0, Deadline::never(), {});
    if (rank == 1) send();
}

double time_copies(Buffers buffers, std::size_t bytes, int copies) {
    const double start = measure_now_us();
    for (int i = 0; i < copies; ++i) {
        std::memcpy(buffers.other, buffers.mine, bytes);
        asm volatile("" : : "r"(buffers.other) : "memory");
    }
    return (measure_now_us() - start) / copies;
}

void measure(Mailbox& mail, Heap& heap, int rank, std::size_t bytes) {
    const Buffers buffers{static_cast<std::byte*>(heap.allocate(bytes)),
                          static_cast<std::byte*>(heap.allocate(bytes))};
    check(buffers.mine != nullptr && buffers.other != nullptr, "a size that cannot be measured");
    std::memset(buffers.mine, rank, bytes);
    std::memset(buffers.other, rank, bytes);
    const Part out{buffers.mine, bytes, Dtype::u8};
    const Part in{buffers.other, bytes, Dtype::u8};
    // The same numbers on both sides without asking: by the size.
    const double guess_us = 0.2 + static_cast<double>(bytes) / 10e3;
    const measure_plan plan = measure_plan_for(2 * guess_us);
    for (int i = 0; i < 3 + plan.batch; ++i) exchange(mail, rank, out, in);
    check(buffers.other[bytes - 1] == std::byte(1 - rank), "a message is wrong");
    std::vector<double> samples_us(static_cast<std::size_t>(plan.samples));
    for (double& sample : samples_us) {
        const double start = measure_now_us();
        for (int i = 0; i < plan.batch; ++i) exchange(mail, rank, out, in);
        sample = (measure_now_us() - start) / plan.batch / 2;
    }
    if (rank == 0) {
        measure_report("pingpong", "ipcrun", 2, static_cast<long>(bytes), samples_us.data(),
                       plan.samples);
        for (double& sample : samples_us) sample = time_copies(buffers, bytes, plan.batch);
        measure_report("pingpong", "memcpy", 1, static_cast<long>(bytes), samples_us.data(),
                       plan.samples);
    }
    exchange(mail, rank, out, in);  // rank 1 does not run ahead while rank 0 copies
    heap.deallocate(buffers.mine);
    heap.deallocate(buffers.other);
}

void run(const std::shared_ptr<NodeMemory>& memory, int rank,
         const std::vector<std::size_t>& sizes) {
    const std::vector<int> cpus = limit::allowed_cpus();
    limit::pin_to(cpus[static_cast<std::size_t>(rank) % cpus.size()]);
    const auto heap = std::make_shared<Heap>(memory, rank);
    Group group(heap,
                {.id = 0,
                 .epoch = 0,
                 .members = {0, 1},
                 .rank = rank,
                 .block_offset = memory->control().header().world_offset,
                 .sequence = 0},
                {});
    Mailbox mail(group);
    for (const std::size_t bytes : sizes) measure(mail, *heap, rank, bytes);
}

}  // namespace

int main(int argc, char** argv) {
    std::vector<std::size_t> sizes;
    for (int arg = 1; arg < argc; ++arg)
        sizes.push_back(parse_number<std::size_t>(argv[arg]).value_or(0));
    if (sizes.empty()) sizes = {8, 64, 1024, 4096, 16384, 65536, 1 << 20, 16 << 20, 64 << 20};
    const auto cpus = static_cast<int>(limit::allowed_cpus().size());
    const auto memory = NodeMemory::create(2, cpus, 1ull << 32);
    return limit::run_ranks(2, [&](int rank) { run(memory, rank, sizes); });
}
