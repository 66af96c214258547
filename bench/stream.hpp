// SPDX-License-Identifier: Apache-2.0
#pragma once
/// A parent and a child it forked, joined by some transport: how long a message there and back
/// takes, and how long each of many messages that follow one another. The counterpart of
/// children.lua.
///
///     PROGRAM round_trip BYTES     PROGRAM transfer BYTES     one JSON line on stdout

#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <string_view>
#include <vector>

#include "bench/measure.h"

namespace stream {

/// So many messages follow one another before the receiver answers.
inline int burst_of(long bytes) {
    return static_cast<int>(std::clamp((64L << 20) / bytes, 4L, 1000L));
}

/// `Transport` has send(data, bytes), receive(data, bytes), and is made before the fork;
/// be_parent() and be_child() choose its end.
template <typename Transport>
class Bench {
  public:
    Bench(bool is_round_trip, long bytes)
        : burst_(is_round_trip ? 1 : burst_of(bytes)),
          title_{is_round_trip ? "round_trip" : "transfer", 0, 2, bytes, 1, 1.0 / burst_},
          answer_(is_round_trip ? static_cast<std::size_t>(bytes) : 1),
          message_(static_cast<std::size_t>(bytes), 'x') {}

    int run() {
        const pid_t child = ::fork();
        if (child == 0) {
            transport_.be_child();
            serve();
            ::_exit(0);
        }
        transport_.be_parent();
        measure_operation(title_, {operate, agree, this});
        end();
        int status = 0;
        return ::waitpid(child, &status, 0) == child && status == 0 ? 0 : 1;
    }

  private:
    // The first byte of a message says whether another burst follows.
    void serve() {
        for (;;) {
            for (int i = 0; i < burst_; ++i) transport_.receive(message_.data(), message_.size());
            if (message_[0] == 'e') return;
            transport_.send(message_.data(), answer_);
        }
    }
    void end() {
        message_[0] = 'e';
        for (int i = 0; i < burst_; ++i) transport_.send(message_.data(), message_.size());
    }
    static void operate(void* self, int /*turn*/) {
        auto& bench = *static_cast<Bench*>(self);
        for (int i = 0; i < bench.burst_; ++i)
            bench.transport_.send(bench.message_.data(), bench.message_.size());
        char answer[1 << 16];
        bench.transport_.receive(answer, bench.answer_);
    }
    static void agree(void* /*self*/, double* /*figures*/) {}

    Transport transport_;
    int burst_;
    measure_title title_;
    std::size_t answer_;
    std::vector<char> message_;
};

template <typename Transport>
int main(int argc, char** argv) {
    const std::string_view mode = argc == 3 ? argv[1] : "";
    const long bytes = argc == 3 ? std::atol(argv[2]) : 0;
    const bool is_round_trip = mode == "round_trip";
    if ((!is_round_trip && mode != "transfer") || bytes < 1 || (is_round_trip && bytes > 1 << 16)) {
        std::fprintf(stderr, "usage: %s round_trip|transfer BYTES\n", argv[0]);
        return 2;
    }
    return Bench<Transport>(is_round_trip, bytes).run();
}

inline void require(bool good, const char* what) {
    if (good) return;
    std::perror(what);
    std::_Exit(1);
}

}  // namespace stream
