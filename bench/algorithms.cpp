// SPDX-License-Identifier: Apache-2.0
// Every algorithm for an allreduce of f32, in turn:  ipcrun -n RANKS ipcrun_algorithms BYTES...
// One JSON line for each size and algorithm from rank 0, with the time that was predicted.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <string>
#include <utility>
#include <vector>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "bench/measure.h"
#include "runtime/job.hpp"
#include "runtime/member_tree.hpp"
#include "runtime/message_allreduce.hpp"
#include "runtime/node_communicator.hpp"
#include "runtime/storage.hpp"
#include "topology/tree/best_tree.hpp"

using namespace ipcrun;
using topology::Algorithm;
using topology::Prediction;

namespace {

constexpr int rounds = 15;
// Of a batch of operations: so that neither the clock nor the barrier before it counts.
constexpr double batch_us_min = 1000;

struct Contestant {
    Prediction prediction;
    std::unique_ptr<MessageAllreduce> messages;  ///< null: the communicator's own
    int batch = 1;
    std::vector<double> samples_us = {};
};

std::size_t segment_of(std::size_t bytes, int segments) {
    const auto count = static_cast<std::size_t>(segments);
    return (bytes + count - 1) / count;
}

MessagePlan plan_for(const Prediction& prediction, const topology::SpotCosts& members,
                     std::size_t bytes) {
    MessagePlan plan{.algorithm = prediction.algorithm, .order = members.order};
    const auto wanted = static_cast<double>(bytes);
    if (prediction.algorithm == Algorithm::tree) {
        const auto best = best_tree(members.costs, {.bytes = wanted});
        plan.trees = {renamed(best.tree, members.order)};
        plan.segment_bytes = segment_of(bytes, prediction.segments);
    } else if (prediction.algorithm == Algorithm::two_tree) {
        const auto best = topology::best_two_tree(members.costs, wanted);
        plan.trees = {renamed(best.first, members.order), renamed(best.second, members.order)};
        plan.segment_bytes = segment_of(bytes / 2, prediction.segments);
    }
    return plan;
}

void operate(Communicator& world, Contestant& contestant, const Part& part) {
    for (int i = 0; i < contestant.batch; ++i)
        if (contestant.messages)
            contestant.messages->run(part, Op::sum);
        else
            world.allreduce({&part, 1}, Op::sum);
}

double elapsed_us(Communicator& world, Contestant& contestant, const Part& part) {
    world.barrier();
    const double start = measure_now_us();
    operate(world, contestant, part);
    return measure_now_us() - start;
}

// Checks one result, and finds how many operations are a batch: the same on all ranks.
void prepare(Communicator& world, Contestant& contestant, const Part& part) {
    auto* const values = static_cast<float*>(part.data);
    std::fill_n(values, part.count, 1.0f);
    operate(world, contestant, part);
    const auto sum = static_cast<float>(world.size());
    check(std::all_of(values, values + part.count, [&](float value) { return value == sum; }),
          "a result is wrong");
    std::fill_n(values, part.count, 0.0f);
    for (;; contestant.batch *= 2) {
        double figure = elapsed_us(world, contestant, part);
        const Part figures{&figure, 1, Dtype::f64};
        world.broadcast({&figures, 1}, 0);
        if (figure >= batch_us_min) return;
    }
}

void report(const Contestant& contestant, int ranks, std::size_t bytes) {
    std::vector<double> samples = contestant.samples_us;
    std::ranges::sort(samples);
    const std::string name(name_of(contestant.prediction.algorithm));
    std::printf(
        "{\"bench\":\"algorithm\",\"what\":\"%s\",\"ranks\":%d,\"bytes\":%zu,"
        "\"p50_us\":%.4g,\"p99_us\":%.4g,\"predicted_us\":%.4g}\n",
        name.c_str(), ranks, bytes, samples[samples.size() / 2], samples.back(),
        contestant.prediction.us);
    std::fflush(stdout);
}

void measure(Job& job, std::size_t bytes) {
    Communicator& world = job.world();
    const Group& group = world.impl().node().group;
    const topology::SpotCosts members = costs_of_members(group);
    topology::SharedMemoryCosts shared = topology::default_shared_memory_costs();
    shared.cpus = static_cast<int>(group.control().header().cpus);
    std::vector<Contestant> contestants;
    for (const Prediction& prediction :
         predict_allreduce(members.costs, shared, static_cast<double>(bytes))) {
        const bool is_own = prediction.algorithm == Algorithm::flags ||
                            prediction.algorithm == Algorithm::work_sharing;
        contestants.push_back({prediction, nullptr});
        if (!is_own)
            contestants.back().messages =
                std::make_unique<MessageAllreduce>(world, plan_for(prediction, members, bytes));
    }
    const std::size_t count = std::max<std::size_t>(bytes / sizeof(float), 1);
    const StoragePtr storage = Storage::create(job.heap(), Dtype::f32, count);
    const Part part{storage->data(), count, Dtype::f32};
    for (Contestant& contestant : contestants) prepare(world, contestant, part);
    for (int round = 0; round < rounds; ++round)
        for (Contestant& contestant : contestants)
            contestant.samples_us.push_back(elapsed_us(world, contestant, part) / contestant.batch);
    if (world.rank() != 0) return;
    for (const Contestant& contestant : contestants) report(contestant, world.size(), bytes);
}

}  // namespace

int main(int argc, char** argv) {
    if (argc < 2) {
        std::fprintf(stderr, "usage: ipcrun -n RANKS ipcrun_algorithms BYTES...\n");
        return 2;
    }
    const auto job = Job::join();
    for (int arg = 1; arg < argc; ++arg)
        measure(*job, parse_number<std::size_t>(argv[arg]).value_or(0));
}
