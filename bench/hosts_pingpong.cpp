// SPDX-License-Identifier: Apache-2.0
// Messages between two ranks as if on different hosts, over loopback, beside what TCP gives to who
// spins on a socket: round trips of short messages, and long ones one after the other.
//     build/bench/hosts_pingpong [ROUNDS]
#include <arpa/inet.h>
#include <netinet/tcp.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <cstdio>
#include <cstdlib>
#include <memory>
#include <vector>

#include "base/fail.hpp"
#include "base/stream_socket.hpp"
#include "runtime/hosts/remote_mailbox.hpp"

using namespace ipcrun;

namespace {

// One end of a way for bytes.
class End {
  public:
    virtual ~End() = default;
    virtual void send(std::vector<std::uint8_t>& bytes) = 0;
    virtual void receive(std::vector<std::uint8_t>& bytes) = 0;
    virtual void look() = 0;  // where nothing has come
};

class RawEnd final : public End {
  public:
    explicit RawEnd(UniqueFd socket) : socket_(std::move(socket)) {}
    void send(std::vector<std::uint8_t>& bytes) override {
        for (std::size_t done = 0; done < bytes.size();) {
            const ssize_t count =
                ::send(socket_.get(), bytes.data() + done, bytes.size() - done, MSG_DONTWAIT);
            if (count > 0) done += static_cast<std::size_t>(count);
        }
    }
    void receive(std::vector<std::uint8_t>& bytes) override {
        for (std::size_t done = 0; done < bytes.size();) {
            const ssize_t count =
                ::recv(socket_.get(), bytes.data() + done, bytes.size() - done, MSG_DONTWAIT);
            if (count > 0) done += static_cast<std::size_t>(count);
        }
    }
    void look() override {
        char byte;
        (void)!::recv(socket_.get(), &byte, 1, MSG_DONTWAIT);
    }

  private:
    UniqueFd socket_;
};

class RankEnd final : public End {
  public:
    RankEnd(RemotePeers::Options options)
        : other_(1 - options.rank),
          peers_(std::make_shared<RemotePeers>(std::move(options))),
          box_(peers_, 0, {0, 1}, 1 - other_) {}
    void send(std::vector<std::uint8_t>& bytes) override {
        const Part part{.data = bytes.data(), .count = bytes.size(), .dtype = Dtype::u8};
        const auto sending = box_.start_send({&part, 1}, other_, 0);
        finish(*sending);
    }
    void receive(std::vector<std::uint8_t>& bytes) override {
        const Part part{.data = bytes.data(), .count = bytes.size(), .dtype = Dtype::u8};
        const auto receiving = box_.start_receive(std::span(&part, 1), other_, 0);
        finish(*receiving);
    }
    void look() override { (void)peers_->progress(); }

  private:
    template <typename Operation>
    void finish(const Operation& operation) {
        while (!operation.is_done()) (void)peers_->progress();
        if (operation.error() != nullptr) throw Error(*operation.error());
    }

    int other_;
    std::shared_ptr<RemotePeers> peers_;
    RemoteMailbox box_;
};

double seconds_since(std::chrono::steady_clock::time_point start) {
    return std::chrono::duration<double>(std::chrono::steady_clock::now() - start).count();
}

// Microseconds of a round trip, or of a message, in the best of short runs: others use the machine,
// too.
double measure(End& end, bool is_first, std::size_t bytes, int runs, int count,
               bool there_and_back) {
    std::vector<std::uint8_t> data(bytes, 1), answer(there_and_back ? bytes : 1);
    const auto round = [&] {
        if (is_first) end.send(data);
        if (!is_first) end.receive(data);
        if (!there_and_back) return;
        if (is_first) end.receive(answer);
        if (!is_first) end.send(answer);
    };
    double best = 1e12;
    for (int run = 0; run < runs; ++run) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < count; ++i) round();
        if (!there_and_back) {
            // Until the last has been received.
            if (is_first) end.receive(answer);
            if (!is_first) end.send(answer);
        }
        best = std::min(best, seconds_since(start) * 1e6 / count);
    }
    return best;
}

double measure_look(End& end) {
    double best = 1e12;
    for (int run = 0; run < 100; ++run) {
        const auto start = std::chrono::steady_clock::now();
        for (int i = 0; i < 1'000; ++i) end.look();
        best = std::min(best, seconds_since(start) * 1e6 / 1'000);
    }
    return best;
}

struct Case {
    const char* name;
    std::size_t bytes;
    int runs, count;
    bool there_and_back;
};

constexpr Case cases[] = {{"round trip, 8 B", 8, 100, 100, true},
                          {"round trip, 4 KiB", 4 << 10, 100, 100, true},
                          {"one way, 1 MiB", 1 << 20, 30, 5, false},
                          {"one way, 64 MiB", 64 << 20, 3, 1, false}};

std::vector<double> run(End& end, bool is_first) {
    std::vector<double> result;
    for (const Case& one : cases)
        result.push_back(
            measure(end, is_first, one.bytes, one.runs, one.count, one.there_and_back));
    result.push_back(measure_look(end));
    return result;
}

// The child's end, and what the parent's measures.
template <typename MakeEnd>
std::vector<double> run_both(MakeEnd make_end) {
    const pid_t child = check_syscall(::fork(), "fork");
    if (child == 0) {
        {
            const std::unique_ptr<End> end = make_end(1);
            (void)run(*end, false);
        }
        ::_exit(0);
    }
    std::vector<double> result;
    {
        const std::unique_ptr<End> end = make_end(0);
        result = run(*end, true);
    }
    (void)::waitpid(child, nullptr, 0);
    return result;
}

std::vector<double> run_raw() {
    const UniqueFd listener = listen_at(Address{.host = "127.0.0.1"});
    UniqueFd ends[2];
    ends[0] = connect_to(own_address(listener.get()), Deadline::never());
    ends[1] = accept_from(listener.get());
    return run_both([&](int rank) { return std::make_unique<RawEnd>(std::move(ends[rank])); });
}

std::vector<double> run_ranks(bool encrypt) {
    UniqueFd listeners[2];
    std::vector<RemotePeer> peers;
    for (UniqueFd& listener : listeners) {
        listener = listen_at(Address{.host = "127.0.0.1"});
        peers.push_back({own_address(listener.get()), "a rank"});
    }
    return run_both([&](int rank) {
        RemotePeers::Options options;
        options.rank = rank;
        options.peers = peers;
        options.listener = std::move(listeners[rank]);
        options.encrypt = encrypt;
        return std::make_unique<RankEnd>(std::move(options));
    });
}

void keep_best(std::vector<double>& best, const std::vector<double>& other) {
    if (best.empty()) best = other;
    for (std::size_t i = 0; i < best.size(); ++i) best[i] = std::min(best[i], other[i]);
}

}  // namespace

int main(int argc, char** argv) {
    const int rounds = argc > 1 ? std::atoi(argv[1]) : 5;
    std::vector<double> raw, ranks, encrypted;
    for (int i = 0; i < rounds; ++i) {
        keep_best(raw, run_raw());
        keep_best(ranks, run_ranks(false));
        keep_best(encrypted, run_ranks(true));
    }
    std::printf("%-20s %12s %12s %12s   ranks/TCP\n", "best of rounds, us", "TCP", "ranks",
                "encrypted");
    for (std::size_t i = 0; i < raw.size(); ++i)
        std::printf("%-20s %12.2f %12.2f %12.2f   %.3f\n",
                    i < std::size(cases) ? cases[i].name : "a look in vain", raw[i], ranks[i],
                    encrypted[i], ranks[i] / raw[i]);
}
