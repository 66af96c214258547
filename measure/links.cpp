// SPDX-License-Identifier: Apache-2.0
#include "measure/links.hpp"

#include <algorithm>
#include <array>
#include <cstring>
#include <vector>

#include "measure/timing.hpp"
#include "runtime/reduce.hpp"
#include "runtime/storage.hpp"

namespace ipcrun::measure {

namespace {

constexpr std::size_t small_bytes = 8;
constexpr std::size_t large_bytes = std::size_t{16} << 20;
/// Far fewer than a sender may be ahead.
constexpr int stream_messages = 1000;
constexpr int pilot_operations = 20;

class Pair {
  public:
    Pair(Job& job, int a, int b)
        : world_(job.world()),
          is_first_(world_.rank() == a),
          peer_(is_first_ ? b : a),
          storage_(Storage::create(job.heap(), Dtype::u8, large_bytes)) {
        std::memset(storage_->data(), 0, large_bytes);
    }

    double round_trip_us(std::size_t bytes) {
        return measure([&] {
            if (is_first_) send(bytes);
            receive(bytes);
            if (!is_first_) send(bytes);
        });
    }

    /// Of one of many messages from the first to the second.
    double stream_us(double round_trip_us) {
        const double stream = measure([&] {
            for (int message = 0; message < stream_messages; ++message) {
                if (is_first_)
                    send(small_bytes);
                else
                    receive(small_bytes);
            }
            if (is_first_)
                receive(small_bytes);
            else
                send(small_bytes);
        });
        return std::max(stream - round_trip_us, 0.0) / (stream_messages - 1);
    }

  private:
    void send(std::size_t bytes) {
        const Part part{storage_->data(), bytes, Dtype::u8};
        world_.send({&part, 1}, peer_);
    }
    void receive(std::size_t bytes) {
        const Part part{storage_->data(), bytes, Dtype::u8};
        world_.receive({&part, 1}, peer_);
    }

    // The first tells how long it takes, so that both repeat it equally often.
    double agreed(double us) {
        const Part part{&us, 1, Dtype::f64};
        if (is_first_)
            world_.send({&part, 1}, peer_);
        else
            world_.receive({&part, 1}, peer_);
        return us;
    }

    template <typename Operate>
    double measure(Operate operate) {
        operate();  // page faults, and everything that happens once
        const double first_us = agreed(time_us(operate));
        const int pilot = first_us > 1000 ? 1 : pilot_operations;
        const double pilot_us = time_us([&] {
            for (int operation = 0; operation < pilot; ++operation) operate();
        });
        const Repetitions repetitions = repetitions_for(agreed(pilot_us / pilot));
        return agreed(median_us(repetitions, operate));
    }

    Communicator& world_;
    bool is_first_;
    int peer_;
    StoragePtr storage_;
};

}  // namespace

topology::LinkCost measure_link(Job& job, int a, int b) {
    Pair pair(job, a, b);
    const double small_us = pair.round_trip_us(small_bytes);
    const double gap_us = std::min(pair.stream_us(small_us), small_us / 2);
    const double large_us = pair.round_trip_us(large_bytes);
    topology::LinkCost cost;
    cost.gap_us = gap_us;
    cost.latency_us = small_us / 2 - gap_us;
    cost.us_per_byte =
        std::max(large_us - small_us, 0.0) / 2 / static_cast<double>(large_bytes - small_bytes);
    return cost;
}

double measure_reduce_us_per_byte() {
    // Two of them fit into every second-level cache.
    constexpr std::size_t count = 16 << 10;
    std::vector<float> own(count, 1), others(count, 0);
    const std::array<const std::byte*, 2> sources{
        reinterpret_cast<const std::byte*>(own.data()),
        reinterpret_cast<const std::byte*>(others.data())};
    const std::array<std::byte*, 1> destinations{reinterpret_cast<std::byte*>(own.data())};
    const auto operate = [&] { reduce(Op::sum, Dtype::f32, sources, destinations, count); };
    operate();
    const Repetitions repetitions = repetitions_for(time_us(operate));
    return median_us(repetitions, operate) / static_cast<double>(count * sizeof(float));
}

}  // namespace ipcrun::measure
