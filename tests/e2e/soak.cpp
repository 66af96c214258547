// SPDX-License-Identifier: Apache-2.0
// Many operations of every kind and size, in the world and in communicators that come and go, on
// memory that is allocated and freed all the time:  ipcrun -n RANKS soak OPERATIONS [SEED]
// Checks results, and what the job holds after a tenth of the operations and after all of them:
// fails when that has grown. All ranks draw the same numbers, so that they agree on what to call.
#include <malloc.h>
#include <sys/stat.h>

#include <algorithm>
#include <array>
#include <cstdlib>
#include <cstring>
#include <filesystem>
#include <fstream>
#include <optional>
#include <random>
#include <vector>

#include "base/fail.hpp"
#include "runtime/heap.hpp"
#include "runtime/job.hpp"
#include "runtime/node_memory.hpp"
#include "runtime/storage.hpp"

using namespace ipcrun;

namespace {

using Kind = Collective::Kind;
using Random = std::minstd_rand;

std::size_t below(Random& random, std::size_t limit) {
    return random() % limit;
}

// A block of 1 to 4,096 elements, small ones as often as large ones; now and then of 32 Ki.
std::size_t random_count(Random& random) {
    const std::size_t bits = below(random, 50) == 0 ? 14 : below(random, 12);
    return std::size_t{1} << bits | below(random, std::size_t{1} << bits);
}

// One operation with its memory. Member k gives k + 1 everywhere.
class Task {
  public:
    Task(const std::shared_ptr<Heap>& heap, Communicator& where, Random& random) : where_(where) {
        const auto n = static_cast<std::size_t>(where.size());
        const auto own = static_cast<std::size_t>(where.rank());
        collective_.kind = static_cast<Kind>(below(random, 9));
        const bool may_vary = collective_.kind >= Kind::reduce_scatter;
        collective_.varying = below(random, 3) == 0 && may_vary;
        const std::size_t count = random_count(random);
        const int root = static_cast<int>(below(random, n));
        // Private memory goes other ways.
        const auto& place = below(random, 8) == 0 ? no_heap_ : heap;
        for (std::size_t k = 0; k < n; ++k) blocks_.push_back(count + varying() * k);
        std::size_t all = 0;
        for (const std::size_t block : blocks_) all += block;
        if (collective_.kind == Kind::alltoall)
            for (std::size_t& block : blocks_) block += varying() * own;
        const std::size_t pairs =
            collective_.kind == Kind::alltoall ? all + varying() * own * n : 0;
        const bool is_root = where.rank() == root;
        from_count_ = to_count_ = blocks_[own];
        switch (collective_.kind) {
            case Kind::barrier:
                return;
            case Kind::allreduce:
            case Kind::broadcast:
            case Kind::reduce:
                break;
            case Kind::reduce_scatter:
                from_count_ = all;
                break;
            case Kind::allgather:
                to_count_ = all;
                break;
            case Kind::gather:
                to_count_ = is_root ? all : 0;
                break;
            case Kind::scatter:
                from_count_ = is_root ? all : 0;
                break;
            case Kind::alltoall:
                from_count_ = to_count_ = pairs;
                break;
        }
        if (collective_.kind == Kind::broadcast || collective_.kind == Kind::reduce ||
            collective_.kind == Kind::gather || collective_.kind == Kind::scatter)
            collective_.root = root;
        from_ = Storage::create(place, Dtype::f32, std::max<std::size_t>(from_count_, 1));
        to_ = Storage::create(place, Dtype::f32, std::max<std::size_t>(to_count_, 1));
        fill();
    }

    const Collective& collective() {
        from_part_ = {floats(from_), from_count_, Dtype::f32};
        to_part_ = {floats(to_), to_count_, Dtype::f32};
        if (collective_.kind == Kind::barrier) return collective_;
        collective_.from = {&from_part_, 1};
        const bool in_place =
            collective_.kind == Kind::allreduce || collective_.kind == Kind::broadcast;
        collective_.to = in_place ? collective_.from : std::span<const Part>(&to_part_, 1);
        if (collective_.kind == Kind::alltoall && collective_.varying)
            collective_.from_counts = collective_.to_counts = blocks_;
        return collective_;
    }

    /// Looks at the ends of every block of the result.
    void verify() const {
        const int n = where_.size();
        const auto sum = static_cast<float>(n * (n + 1) / 2);
        const auto own = static_cast<float>(where_.rank() + 1);
        const bool is_root = where_.rank() == collective_.root;
        switch (collective_.kind) {
            case Kind::barrier:
                return;
            case Kind::allreduce:
                return expect(floats(from_), from_count_, sum);
            case Kind::broadcast:
                return expect(floats(from_), from_count_, static_cast<float>(collective_.root + 1));
            case Kind::reduce:
                return is_root ? expect(floats(to_), to_count_, sum) : void();
            case Kind::reduce_scatter:
                return expect(floats(to_), to_count_, sum);
            case Kind::scatter:
                return expect(floats(to_), to_count_, own);
            default: {
                const float* block = floats(to_);
                for (int k = 0; k < n && to_count_ != 0; ++k) {
                    expect(block, blocks_[static_cast<std::size_t>(k)], static_cast<float>(k + 1));
                    block += blocks_[static_cast<std::size_t>(k)];
                }
            }
        }
    }

  private:
    std::size_t varying() const { return collective_.varying ? 1 : 0; }
    static float* floats(const StoragePtr& storage) {
        return storage ? reinterpret_cast<float*>(storage->data()) : nullptr;
    }
    static void expect(const float* values, std::size_t count, float value) {
        check(values[0] == value && values[count / 2] == value && values[count - 1] == value,
              "soak: a result is wrong");
    }
    void fill() {
        std::fill_n(floats(to_), to_count_, -1.0f);
        std::fill_n(floats(from_), from_count_, static_cast<float>(where_.rank() + 1));
        if (collective_.kind != Kind::scatter || from_count_ == 0) return;
        float* block = floats(from_);
        for (std::size_t k = 0; k < blocks_.size(); ++k) {
            std::fill_n(block, blocks_[k], static_cast<float>(k + 1));
            block += blocks_[k];
        }
    }

    const std::shared_ptr<Heap> no_heap_;
    Communicator& where_;
    Collective collective_;
    std::vector<std::size_t> blocks_;  // elements that member k gives, gets, or exchanges with us
    std::size_t from_count_ = 0, to_count_ = 0;
    StoragePtr from_, to_;
    Part from_part_, to_part_;
};

// What a job holds: of private things the most that any rank has.
struct Holdings {
    std::array<std::int64_t, 5> values;
    static constexpr const char* names[] = {"descriptors", "mappings", "private KiB", "heap KiB",
                                            "control KiB"};
    // What may come on top: a page table here, a fragment there.
    static constexpr std::int64_t slack[] = {0, 8, 2048, 16384, 512};
};

std::int64_t private_kib() {
    std::ifstream file("/proc/self/smaps_rollup");
    for (std::string word; file >> word;)
        if (word == "Anonymous:") {
            std::int64_t kib = 0;
            file >> kib;
            return kib;
        }
    return 0;
}

Holdings look(Job& job) {
    (void)::malloc_trim(0);  // what the allocator of private memory keeps for later is no loss
    namespace fs = std::filesystem;
    const NodeMemory& memory = *job.heap()->memory();
    struct stat heap = {};
    check_syscall(::fstat(memory.heap_fd(), &heap), "look at the shared heap");
    std::ifstream maps("/proc/self/maps");
    Holdings held;
    held.values = {
        std::distance(fs::directory_iterator("/proc/self/fd"), fs::directory_iterator()),
        std::count(std::istreambuf_iterator<char>(maps), std::istreambuf_iterator<char>(), '\n'),
        private_kib(), heap.st_blocks / 2,
        static_cast<std::int64_t>(memory.control().header().blocks_bytes.load() / 1024)};
    const Part part{held.values.data(), held.values.size(), Dtype::i64};
    job.world().allreduce({&part, 1}, Op::max);
    return held;
}

class Soak {
  public:
    Soak(Job& job, unsigned seed) : job_(job), random_(seed), kept_(16) {}

    void run(std::uint64_t operations) {
        for (std::uint64_t end = done_ + operations; done_ < end;) {
            if (!group_ || below(random_, 200) == 0) regroup();
            // Blocks that live on between those of operations.
            kept_[below(random_, kept_.size())] =
                Storage::create(job_.heap(), Dtype::f32, random_count(random_));
            const std::size_t draw = below(random_, 10);
            if (draw < 2)
                run_started();
            else if (draw < 4)
                exchange();
            else
                run_one();
        }
    }
    Holdings measure() {
        for (StoragePtr& storage : kept_) storage.reset();
        group_.reset();
        job_.world().barrier();
        return look(job_);
    }
    std::uint64_t done() const { return done_; }

  private:
    // The draws of the members of one group have to be the same, those of others need not.
    Communicator& pick() { return below(random_, 3) == 0 ? *group_ : job_.world(); }
    void regroup() {
        group_.reset();
        const auto ways = static_cast<unsigned>(1 + below(random_, 4));
        const auto salt = static_cast<unsigned>(random_());
        const unsigned rank = static_cast<unsigned>(job_.world().rank());
        const auto colour = static_cast<int>((rank * 2654435761u ^ salt) / 7 % ways);
        group_ = job_.world().split(colour, static_cast<int>(salt >> rank % 16 & 1));
        done_ += 2;
    }
    // Groups of different sizes draw different numbers of times: each task has a source of its own.
    Task make(Communicator& where) {
        Random own(static_cast<unsigned>(random_()));
        return Task(job_.heap(), where, own);
    }
    void run_one() {
        Communicator& where = pick();
        Task task = make(where);
        where.run(task.collective());
        task.verify();
        ++done_;
    }
    // Every member sends to one of the others, and takes what comes into its memory or as it is.
    void exchange() {
        Communicator& where = pick();
        Random own(static_cast<unsigned>(random_()));
        const int n = where.size();
        const int shift = n == 1 ? 0 : 1 + static_cast<int>(below(own, n - 1));
        const int giver = (where.rank() + n - shift) % n;
        const std::size_t count = random_count(own);
        const bool keeps = below(own, 2) == 0;
        const StoragePtr from = Storage::create(job_.heap(), Dtype::f32, count);
        const StoragePtr to = Storage::create(job_.heap(), Dtype::f32, count);
        auto* given = reinterpret_cast<float*>(from->data());
        std::fill_n(given, count, static_cast<float>(where.rank() + 1));
        const Part gift{given, count, Dtype::f32};
        Request sent = where.start_send({&gift, 1}, (where.rank() + shift) % n);
        const auto expect = [&](const float* got) {
            const auto value = static_cast<float>(giver + 1);
            check(got[0] == value && got[count - 1] == value, "soak: a message is wrong");
        };
        if (keeps) {
            const Message message = where.receive_message(giver);
            expect(reinterpret_cast<const float*>(message.storage->data()));
        } else {
            const Part place{to->data(), count, Dtype::f32};
            (void)where.receive({&place, 1}, giver);
            expect(reinterpret_cast<const float*>(to->data()));
        }
        (void)sent.wait();
        ++done_;
    }
    void run_started() {
        const std::size_t count = 1 + below(random_, 6);
        std::vector<Task> tasks;
        std::vector<Request> requests;
        tasks.reserve(count);
        for (std::size_t i = 0; i < count; ++i) {
            Communicator& where = pick();
            tasks.push_back(make(where));
            requests.push_back(where.start(tasks.back().collective()));
        }
        const std::size_t turn = below(random_, count);
        for (std::size_t i = 0; i < count; ++i) {
            const std::size_t next = (i + turn) % count;
            (void)requests[next].wait();
            tasks[next].verify();
        }
        done_ += count;
    }

    Job& job_;
    Random random_;
    std::vector<StoragePtr> kept_;
    std::optional<Communicator> group_;
    std::uint64_t done_ = 0;
};

}  // namespace

int main(int argc, char** argv) {
    const auto job = Job::join();
    const std::uint64_t operations = argc > 1 ? std::strtoull(argv[1], nullptr, 10) : 10000;
    Soak soak(*job, argc > 2 ? static_cast<unsigned>(std::atoi(argv[2])) : 1);
    const auto start = Clock::now();
    soak.run(operations / 10);
    const Holdings early = soak.measure();
    soak.run(operations - operations / 10);
    const Holdings late = soak.measure();
    const double seconds = std::chrono::duration<double>(Clock::now() - start).count();
    if (job->world().rank() != 0) return 0;  // all know the same
    fmt::print("{} operations, {:.0f} a second\n", soak.done(),
               static_cast<double>(soak.done()) / seconds);
    bool has_grown = false;
    for (std::size_t i = 0; i < late.values.size(); ++i) {
        const bool is_more = late.values[i] > early.values[i] + Holdings::slack[i];
        fmt::print("{}: {}, then {}{}\n", Holdings::names[i], early.values[i], late.values[i],
                   is_more ? ": too much" : "");
        has_grown = has_grown || is_more;
    }
    return has_grown ? 1 : 0;
}
