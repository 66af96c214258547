// SPDX-License-Identifier: Apache-2.0
// One of two ranks on different hosts: messages there and back, as fi_pingpong sends them. Rank 0
// prints how many microseconds one takes, one way, on average.
//     build/bench/hosts_message RANK ADDRESS_OF_0 ADDRESS_OF_1 BYTES COUNT
// Rank 1 is started first: rank 0 gives up where nobody listens. IPCRUN_FABRIC may name a fabric.
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <string>
#include <vector>

#include "base/stream_socket.hpp"
#include "runtime/hosts/remote_mailbox.hpp"

using namespace ipcrun;

namespace {

// Before the clock starts: the stream is made, and has opened its window.
constexpr int first_rounds = 10;

template <typename Operation>
void finish(RemotePeers& peers, const Operation& operation) {
    while (!operation.is_done()) (void)peers.progress();
    if (operation.error() != nullptr) throw Error(*operation.error());
}

double measure(RemotePeers& peers, RemoteMailbox& box, int rank, std::size_t bytes, int count) {
    std::vector<std::uint8_t> data(bytes, 1);
    const Part part{.data = data.data(), .count = data.size(), .dtype = Dtype::u8};
    std::chrono::steady_clock::time_point start;
    for (int i = -first_rounds; i < count; ++i) {
        if (i == 0) start = std::chrono::steady_clock::now();
        // Who waits for a rank by its number dials it, and rank 0 comes later.
        const int from = i == -first_rounds ? any_source : 1 - rank;
        for (const bool sends : {rank == 0, rank != 0}) {
            if (sends)
                finish(peers, *box.start_send({&part, 1}, 1 - rank, 0));
            else
                finish(peers, *box.start_receive(std::span(&part, 1), from, 0));
        }
    }
    const std::chrono::duration<double> took = std::chrono::steady_clock::now() - start;
    return took.count() * 1e6 / (2 * count);
}

}  // namespace

int main(int argc, char** argv) try {
    if (argc != 6) {
        std::fputs("usage: hosts_message RANK ADDRESS_OF_0 ADDRESS_OF_1 BYTES COUNT\n", stderr);
        return 2;
    }
    RemotePeers::Options options;
    options.rank = std::atoi(argv[1]);
    for (const int rank : {0, 1})
        options.peers.push_back({parse_address(argv[2 + rank]), "rank " + std::to_string(rank)});
    const int rank = options.rank;
    options.listener = listen_at(options.peers.at(static_cast<std::size_t>(rank)).address);
    options.fabric = load_fabric(
        fabric_wish(), options.peers[static_cast<std::size_t>(rank)].address, options.encrypt);
    const auto peers = std::make_shared<RemotePeers>(std::move(options));
    RemoteMailbox box(peers, 0, {0, 1}, rank);
    const double us =
        measure(*peers, box, rank, std::strtoull(argv[4], nullptr, 10), std::atoi(argv[5]));
    if (rank == 0) std::printf("%.3f\n", us);
} catch (const std::exception& error) {
    std::fprintf(stderr, "hosts_message: %s\n", error.what());
    return 1;
}
