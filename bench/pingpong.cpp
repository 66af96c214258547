// SPDX-License-Identifier: Apache-2.0
// A message there and back between two ranks, by libipcrun:  ipcrun -n 2 ipcrun_pingpong BYTES...
// One JSON line a size from rank 0: half of a round trip.
#include <algorithm>
#include <cstring>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "bench/measure.h"
#include "runtime/job.hpp"
#include "runtime/storage.hpp"

using namespace ipcrun;

namespace {

struct Measured {
    Communicator& world;
    Part part;

    void send() { world.send({&part, 1}, 1 - world.rank()); }
    void receive() { world.receive({&part, 1}, 1 - world.rank()); }

    static void operate(void* self, int /*turn*/) {
        auto& measured = *static_cast<Measured*>(self);
        if (measured.world.rank() == 0) {
            measured.send();
            measured.receive();
        } else {
            measured.receive();
            measured.send();
        }
    }
    static void agree(void* self, double* figures) {
        const Part part{figures, 2, Dtype::f64};
        static_cast<Measured*>(self)->world.broadcast({&part, 1}, 0);
    }
};

void measure(Job& job, std::size_t bytes) {
    Communicator& world = job.world();
    const StoragePtr storage = Storage::create(job.heap(), Dtype::u8, bytes);
    std::byte* const data = storage->data();
    Measured measured{world, {data, bytes, Dtype::u8}};
    std::memset(data, world.rank() == 0 ? 1 : 0, bytes);
    Measured::operate(&measured, 0);
    check(std::all_of(data, data + bytes, [](std::byte value) { return value == std::byte{1}; }),
          "a message is wrong");
    measure_operation({"pingpong", world.rank(), world.size(), static_cast<long>(bytes), 1, 0.5},
                      {Measured::operate, Measured::agree, &measured});
}

}  // namespace

int main(int argc, char** argv) {
    const auto job = Job::join();
    if (job->world().size() != 2) {
        std::fprintf(stderr, "usage: ipcrun -n 2 ipcrun_pingpong BYTES...\n");
        return 2;
    }
    for (int arg = 1; arg < argc; ++arg)
        measure(*job, std::max<std::size_t>(parse_number<std::size_t>(argv[arg]).value_or(0), 1));
}
