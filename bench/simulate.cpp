// SPDX-License-Identifier: Apache-2.0
// Checks predicted times against SimGrid, a discrete-event simulator (https://simgrid.org): an
// allreduce over hosts on a fat tree, one rank a host, message by message.
//   simulate LEAVES ALGORITHM BYTES      LEAVES switches of 32 hosts each, one level above them
// Prints one JSON line: what we predict, and what the simulation takes.
//
// A message holds the sending port of one rank and the receiving port of the other for `gap`, and
// the links between them as long as their bandwidth, which messages share, takes.
#include <xbt/log.h>

#include <cstdio>
#include <cstdlib>
#include <simgrid/s4u.hpp>
#include <string>
#include <vector>

#include "topology/choice/choice.hpp"
#include "topology/tree/best_tree.hpp"

namespace sg4 = simgrid::s4u;
using namespace ipcrun::topology;

namespace {

constexpr int hosts_of_leaf = 32;
constexpr double hop_us = 0.35, gap_us = 0.35, gbytes_per_s = 12.5, reduce_us_per_byte = 1e-4;

Costs fat_tree_costs(int leaves) {
    const double us_per_byte = 1e-3 / gbytes_per_s;
    const LinkCost far{4 * hop_us, gap_us, us_per_byte}, near{2 * hop_us, gap_us, us_per_byte};
    const int hosts = leaves * hosts_of_leaf;
    std::vector<Group> groups{{.begin = 0, .end = hosts, .cost = far}};
    for (int leaf = 0; leaf < leaves; ++leaf)
        groups.push_back({.parent = 0,
                          .begin = leaf * hosts_of_leaf,
                          .end = (leaf + 1) * hosts_of_leaf,
                          .cost = near,
                          .uplink_us_per_byte = us_per_byte / hosts_of_leaf});
    return group_costs(hosts, std::move(groups), {}, reduce_us_per_byte);
}

/// Hosts in the order of positions: those of a leaf side by side.
void build_platform(int leaves) {
    const auto name_host = [](sg4::NetZone* zone, const std::vector<unsigned long>&,
                              unsigned long id) {
        const sg4::Host* host = zone->create_host(std::to_string(id), 1e9)->seal();
        return std::pair<simgrid::kernel::routing::NetPoint*, simgrid::kernel::routing::NetPoint*>(
            host->get_netpoint(), nullptr);
    };
    const auto count = static_cast<unsigned>(leaves);
    sg4::create_fatTree_zone("fat tree", sg4::Engine::get_instance()->get_netzone_root(),
                             {2, {hosts_of_leaf, count}, {1, hosts_of_leaf}, {1, 1}},
                             sg4::ClusterCallbacks(name_host), gbytes_per_s * 1e9, hop_us * 1e-6,
                             sg4::Link::SharingPolicy::SPLITDUPLEX)
        ->seal();
}

/// One rank's two ports, and its messages.
class Rank {
  public:
    explicit Rank(int number)
        : number_(number), in_(sg4::Mutex::create()), out_(sg4::Mutex::create()) {}

    void send(int to, const char* channel, double bytes) {
        box(number_, to, channel)->put_init(&token_, static_cast<std::uint64_t>(bytes))->detach();
        hold(*out_, gap_us);
    }
    /// What comes from there on that channel is for `actor`, and is on its way as soon as it is
    /// sent: otherwise messages start when they are asked for.
    void expect(int from, const char* channel, const sg4::ActorPtr& actor) const {
        box(from, number_, channel)->set_receiver(actor);
    }
    void receive(int from, const char* channel, double reduced_bytes) {
        (void)box(from, number_, channel)->get<int>();
        hold(*in_, gap_us + reduced_bytes * reduce_us_per_byte);
    }

  private:
    static sg4::Mailbox* box(int from, int to, const char* channel) {
        return sg4::Mailbox::by_name(std::to_string(from) + channel + std::to_string(to));
    }
    static void hold(sg4::Mutex& port, double us) {
        port.lock();
        sg4::this_actor::sleep_for(us * 1e-6);
        port.unlock();
    }
    int number_;
    sg4::MutexPtr in_, out_;
    int token_ = 0;
};

sg4::ActorPtr start(int rank, const std::function<void()>& what) {
    return sg4::Actor::create("rank", sg4::Host::by_name(std::to_string(rank)), what);
}

// Up and down at once: each segment goes down as soon as it has come up to the root.
void start_tree(const Tree& tree, std::vector<Rank>& ranks, int segments, double bytes,
                const char* up, const char* down) {
    for (int v = 0; v < tree.size(); ++v) {
        Rank& self = ranks[static_cast<std::size_t>(v)];
        const int parent = tree.parent[static_cast<std::size_t>(v)];
        const auto children = tree.children_of(v);
        const auto send_down = [=, &self] {
            for (auto child = children.rbegin(); child != children.rend(); ++child)
                self.send(*child, down, bytes);
        };
        const auto upwards = start(v, [=, &self] {
            for (int segment = 0; segment < segments; ++segment) {
                for (const int child : children) self.receive(child, up, bytes);
                if (parent >= 0)
                    self.send(parent, up, bytes);
                else
                    send_down();
            }
        });
        for (const int child : children) self.expect(child, up, upwards);
        if (parent < 0) continue;
        const auto downwards = start(v, [=, &self] {
            for (int segment = 0; segment < segments; ++segment) {
                self.receive(parent, down, 0);
                send_down();
            }
        });
        self.expect(parent, down, downwards);
    }
}

void start_ring(std::vector<Rank>& ranks, double bytes) {
    const int n = static_cast<int>(ranks.size());
    for (int v = 0; v < n; ++v) {
        Rank& self = ranks[static_cast<std::size_t>(v)];
        const int left = (v + n - 1) % n;
        const auto actor = start(v, [=, &self] {
            for (int step = 0; step < 2 * (n - 1); ++step) {
                self.send((v + 1) % n, ">", bytes / n);
                self.receive(left, ">", step < n - 1 ? bytes / n : 0);
            }
        });
        self.expect(left, ">", actor);
    }
}

void start_recursive_doubling(std::vector<Rank>& ranks, double bytes) {
    const int n = static_cast<int>(ranks.size());
    for (int v = 0; v < n; ++v) {
        Rank& self = ranks[static_cast<std::size_t>(v)];
        const auto actor = start(v, [=, &self] {
            for (int bit = 1; bit < n; bit *= 2) {
                self.send(v ^ bit, "=", bytes);
                self.receive(v ^ bit, "=", bytes);
            }
        });
        for (int bit = 1; bit < n; bit *= 2) self.expect(v ^ bit, "=", actor);
    }
}

int fail(const char* why) {
    std::fprintf(stderr,
                 "simulate: %s\nusage: simulate LEAVES tree|two-tree|ring|recursive-doubling "
                 "BYTES\n",
                 why);
    return 2;
}

}  // namespace

int main(int argc, char** argv) {
    sg4::Engine engine(&argc, argv);
    if (argc != 4) return fail("three arguments are needed");
    const int leaves = std::atoi(argv[1]);
    const auto algorithm = parse_algorithm(argv[2]);
    const double bytes = std::atof(argv[3]);
    if (leaves < 2 || !algorithm || bytes < 1) return fail("what is to be simulated?");
    xbt_log_control_set("xbt_cfg.thres:warning");
    // As it is: without what the default model adds for TCP.
    sg4::Engine::set_config("network/model:CM02");
    sg4::Engine::set_config("network/TCP-gamma:0");
    sg4::Engine::set_config("network/crosstraffic:0");
    sg4::Engine::set_config("contexts/stack-size:64");
    sg4::Engine::set_config("contexts/guard-size:0");
    build_platform(leaves);

    const Costs costs = fat_tree_costs(leaves);
    Prediction predicted{};
    for (const Prediction& each : predict_allreduce(costs, std::nullopt, bytes))
        if (each.algorithm == *algorithm) predicted = each;
    std::vector<Rank> ranks;
    for (int v = 0; v < costs.size(); ++v) ranks.emplace_back(v);
    const double segment_bytes = bytes / predicted.segments;
    const PlannedTree tree = best_tree(costs, {.bytes = bytes});
    const PlannedTwoTree two = best_two_tree(costs, bytes);
    switch (*algorithm) {
        case Algorithm::tree:
            start_tree(tree.tree, ranks, predicted.segments, segment_bytes, "^", "v");
            break;
        case Algorithm::two_tree:
            start_tree(two.first, ranks, predicted.segments, segment_bytes / 2, "^", "v");
            start_tree(two.second, ranks, predicted.segments, segment_bytes / 2, "/", "\\");
            break;
        case Algorithm::ring:
            start_ring(ranks, bytes);
            break;
        case Algorithm::recursive_doubling:
            start_recursive_doubling(ranks, bytes);
            break;
        default:
            return fail("that needs shared memory");
    }
    engine.run();
    std::printf(
        "{\"bench\":\"simulate\",\"what\":\"%s\",\"ranks\":%d,\"bytes\":%.0f,\"segments\":%d,"
        "\"predicted_us\":%.3f,\"simulated_us\":%.3f}\n",
        argv[2], costs.size(), bytes, predicted.segments, predicted.us,
        sg4::Engine::get_clock() * 1e6);
    return 0;
}
