// SPDX-License-Identifier: Apache-2.0
// What threads can pass through one queue without Lua: the counterpart of threads.lua.
//   queue_threads KIND stream PAIRS BYTES      so many writers and readers: microseconds an item
//   queue_threads KIND handover 1 BYTES        an item there and back between two threads, halved
// KIND is mutex (std::mutex, std::condition_variable and std::deque, as one writes it at first),
// pipe (one pipe, whose writes of up to PIPE_BUF bytes stay whole), or ipcrun (runtime/queue.hpp).
// An item is a new string of BYTES bytes, as a reader in Lua would have it.
#include <fcntl.h>
#include <limits.h>
#include <unistd.h>

#include <algorithm>
#include <chrono>
#include <condition_variable>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <deque>
#include <mutex>
#include <string>
#include <thread>
#include <vector>

#include "runtime/queue.hpp"
#include "runtime/waiter.hpp"

namespace {

using Clock = std::chrono::steady_clock;

constexpr int items_in_all = 200'000;
constexpr int rounds = 7;

void require(bool holds, const char* what) {
    if (holds) return;
    std::perror(what);
    std::exit(1);
}

class MutexQueue {
  public:
    explicit MutexQueue(std::size_t) {}
    void write(const std::string& item) {
        {
            const std::lock_guard lock(mutex_);
            items_.push_back(item);
        }
        news_.notify_one();
    }
    std::string read() {
        std::unique_lock lock(mutex_);
        news_.wait(lock, [this] { return !items_.empty(); });
        std::string item = std::move(items_.front());
        items_.pop_front();
        return item;
    }

  private:
    std::mutex mutex_;
    std::condition_variable news_;
    std::deque<std::string> items_;
};

class PipeQueue {
  public:
    explicit PipeQueue(std::size_t bytes) : bytes_(bytes) {
        require(bytes > 0 && bytes <= PIPE_BUF, "an item of more than PIPE_BUF bytes");
        require(::pipe(ends_) == 0, "pipe");
        (void)::fcntl(ends_[1], F_SETPIPE_SZ, 1 << 20);  // a limit may forbid it: then 64 KiB
    }
    ~PipeQueue() {
        ::close(ends_[0]);
        ::close(ends_[1]);
    }
    void write(const std::string& item) {
        require(::write(ends_[1], item.data(), bytes_) == ssize_t(bytes_), "write");
    }
    // Readers that share a pipe may each get a part of an item, unless one reads at a time.
    std::string read() {
        std::string item(bytes_, '\0');
        const std::lock_guard lock(reading_);
        for (std::size_t have = 0; have < bytes_;) {
            const ssize_t count = ::read(ends_[0], item.data() + have, bytes_ - have);
            require(count > 0, "read");
            have += std::size_t(count);
        }
        return item;
    }

  private:
    std::size_t bytes_;
    int ends_[2];
    std::mutex reading_;
};

class OurQueue {
  public:
    explicit OurQueue(std::size_t) : queue_(0) {}
    void write(const std::string& item) {
        std::string copy = item;
        (void)queue_.try_write(copy);
    }
    std::string read() {
        thread_local ipcrun::Waiter waiter(alert_, reports_, false);
        std::string item;
        ipcrun::QueueStatus status;
        if (queue_.try_read(item, status) == ipcrun::QueueOutcome::done) return item;
        (void)waiter.wait(queue_.readable(), 0, ipcrun::Deadline::never(), [&] {
            queue_.reader_looks();
            return queue_.try_read(item, status) == ipcrun::QueueOutcome::done;
        });
        queue_.reader_leaves();
        return item;
    }

  private:
    static inline std::atomic<std::uint32_t> alert_ = 0, reports_ = 0;
    ipcrun::Queue<std::string> queue_;
};

double microseconds_since(Clock::time_point start) {
    return std::chrono::duration<double, std::micro>(Clock::now() - start).count();
}

template <typename Queue>
double stream(int pairs, std::size_t bytes) {
    Queue queue(bytes);
    const std::string item(bytes, 'x');
    const int each = items_in_all / pairs;
    std::vector<std::thread> threads;
    const auto start = Clock::now();
    for (int i = 0; i < pairs; ++i) {
        threads.emplace_back([&] {
            for (int k = 0; k < each; ++k) queue.write(item);
        });
        threads.emplace_back([&] {
            for (int k = 0; k < each; ++k) require(queue.read().size() == bytes, "an item");
        });
    }
    for (std::thread& thread : threads) thread.join();
    return microseconds_since(start) / (each * pairs);
}

template <typename Queue>
double handover(std::size_t bytes) {
    Queue there(bytes), back(bytes);
    constexpr int turns = 20'000;
    std::thread echo([&] {
        for (int i = 0; i < turns; ++i) back.write(there.read());
    });
    const std::string item(bytes, 'x');
    const auto start = Clock::now();
    for (int i = 0; i < turns; ++i) {
        there.write(item);
        require(back.read().size() == bytes, "an item");
    }
    const double taken = microseconds_since(start);
    echo.join();
    return taken / (2 * turns);
}

template <typename Queue>
int measure(const std::string& mode, int pairs, std::size_t bytes) {
    std::vector<double> samples;
    for (int round = 0; round < rounds; ++round)
        samples.push_back(mode == "stream" ? stream<Queue>(pairs, bytes) : handover<Queue>(bytes));
    std::sort(samples.begin(), samples.end());
    std::printf("{\"bench\":\"%s\",\"ranks\":%d,\"bytes\":%zu,\"p50_us\":%.4g,\"p99_us\":%.4g}\n",
                mode.c_str(), 2 * pairs, bytes, samples[samples.size() / 2], samples.back());
    return 0;
}

}  // namespace

int main(int argc, char** argv) {
    const std::string kind = argc == 5 ? argv[1] : "", mode = argc == 5 ? argv[2] : "";
    const int pairs = argc == 5 ? std::atoi(argv[3]) : 0;
    const std::size_t bytes = argc == 5 ? std::strtoull(argv[4], nullptr, 10) : 0;
    if ((mode == "stream" || mode == "handover") && pairs > 0 && bytes > 0) {
        if (kind == "mutex") return measure<MutexQueue>(mode, pairs, bytes);
        if (kind == "pipe") return measure<PipeQueue>(mode, pairs, bytes);
        if (kind == "ipcrun") return measure<OurQueue>(mode, pairs, bytes);
    }
    std::fputs("usage: queue_threads mutex|pipe|ipcrun stream|handover PAIRS BYTES\n", stderr);
    return 2;
}
