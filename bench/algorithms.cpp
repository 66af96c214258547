// SPDX-License-Identifier: Apache-2.0
// Every algorithm of an allreduce of f32 in turn:  ipcrun -n RANKS ipcrun_algorithms ROUNDS BYTES...
// One JSON line for each size and algorithm from rank 0, with what was predicted.
#include <algorithm>
#include <cstdio>
#include <memory>
#include <vector>

#include "base/fail.hpp"
#include "base/text.hpp"
#include "bench/measure.h"
#include "runtime/communicator_impl.hpp"
#include "runtime/job.hpp"
#include "runtime/message_allreduce.hpp"
#include "runtime/storage.hpp"

using namespace ipcrun;
using topology::Algorithm;
namespace {
struct Contestant { Algorithm algorithm; double predicted_us; std::unique_ptr<MessageAllreduce> messages; std::vector<double> samples={}; int batch=1; };
}
int main(int argc, char** argv) {
    const auto job = Job::join();
    Communicator& world = job->world();
    const int n = world.size();
    const int rounds = argc > 1 ? parse_number<int>(argv[1]).value_or(11) : 11;
    for (int arg = 2; arg < argc; ++arg) {
        const std::size_t bytes = parse_number<std::size_t>(argv[arg]).value_or(8);
        const std::size_t count = bytes / 4;
        const StoragePtr storage = Storage::create(job->heap(), Dtype::f32, count);
        std::fill_n(reinterpret_cast<float*>(storage->data()), count, 0.0f);
        const Part part{storage->data(), count, Dtype::f32};
        std::vector<Contestant> all;
        all.push_back({bytes <= 1064 ? Algorithm::flags : Algorithm::work_sharing, 0, nullptr});
        std::vector<int> parent(n, -1), mirror(n, -1), chain(n,-1);
        for (int v = 1; v < n; ++v) { parent[v] = (v - 1) / 2; chain[v]=v-1; mirror[n-1-v] = n-1-(v-1)/2; }
        const auto t1 = topology::tree_of(parent), t2 = topology::tree_of(mirror);
        const auto tc = topology::tree_of(chain);
        const auto add = [&](MessagePlan plan) { const auto a = plan.algorithm; all.push_back({a, 0, std::make_unique<MessageAllreduce>(world, std::move(plan))}); };
        const std::size_t seg = getenv("SEG") ? atol(getenv("SEG")) : 0;
        add({.algorithm = Algorithm::tree, .trees = {t1}, .segment_bytes = 0});
        add({.algorithm = Algorithm::tree, .trees = {t1}, .segment_bytes = seg?seg:std::max<std::size_t>(bytes/8, 4096)});
        add({.algorithm = Algorithm::tree, .trees = {tc}, .segment_bytes = seg?seg:std::max<std::size_t>(bytes/8, 4096)});
        add({.algorithm = Algorithm::two_tree, .trees = {t1, t2}, .segment_bytes = seg?seg:std::max<std::size_t>(bytes/8, 4096)});
        add({.algorithm = Algorithm::ring});
        add({.algorithm = Algorithm::recursive_doubling});
        const auto run = [&](Contestant& c, int times) {
            for (int i = 0; i < times; ++i) {
                if (c.messages) c.messages->run(part, Op::sum);
                else world.allreduce({&part, 1}, Op::sum);
            }
        };
        for (auto& c : all) {
            double figures[1];
            for (;;) {
                world.barrier();
                const double start = measure_now_us();
                run(c, c.batch);
                figures[0] = measure_now_us() - start;
                const Part f{figures, 1, Dtype::f64};
                world.broadcast({&f, 1}, 0);
                if (figures[0] > 1000) break;
                c.batch *= 2;
            }
        }
        for (int round = 0; round < rounds; ++round)
            for (auto& c : all) {
                world.barrier();
                const double start = measure_now_us();
                run(c, c.batch);
                c.samples.push_back((measure_now_us() - start) / c.batch);
            }
        if (world.rank() == 0) {
            std::printf("%2d %9zu", n, bytes);
            for (auto& c : all) { std::sort(c.samples.begin(), c.samples.end()); std::printf("  %s %.2f(%.2f)", std::string(topology::name_of(c.algorithm)).c_str(), c.samples[c.samples.size()/2], c.samples[0]); }
            std::printf("\n"); std::fflush(stdout);
        }
    }
}
