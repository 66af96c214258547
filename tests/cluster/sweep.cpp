// SPDX-License-Identifier: Apache-2.0
// A rank of a job that checks every collective operation on every dtype:
//   sweep          of no, one, and seven elements, 64 KiB and 1 MiB, all that a member gives or
//   gets sweep large    of 64 MiB, each operation on another dtype
// Elements are small whole numbers, which every dtype holds exactly, and so are their sums: values
// are the same wherever they are combined. Rows of them recur after a prime number of elements, so
// that no block, chunk or lane can take the place of another.
#include <array>
#include <bit>
#include <cstring>
#include <functional>
#include <string_view>

#include "base/fail.hpp"
#include "runtime/job.hpp"
#include "runtime/storage.hpp"
#include "tests/runtime/reduce_reference.hpp"

using namespace ipcrun;

namespace {

constexpr std::size_t period = 127;
constexpr std::size_t kinds_max = 14;
constexpr std::size_t few_elements = 7;

std::size_t index(int number) {
    return static_cast<std::size_t>(number);
}

// A small whole number as an element.
std::uint64_t element_of(Dtype dtype, unsigned number) {
    const auto value = static_cast<float>(number);
    switch (dtype) {
        case Dtype::f16:
            return test::Half<10>::encode(value);
        case Dtype::bf16:
            return test::Half<7>::encode(value);
        case Dtype::f32:
            return std::bit_cast<std::uint32_t>(value);
        case Dtype::f64:
            return std::bit_cast<std::uint64_t>(double{value});
        default:
            return number;
    }
}

// What element i of a row is, i < period.
using Row = std::function<unsigned(std::size_t i)>;

class Sweep {
  public:
    Sweep(Job& job, Dtype dtype) : job_(job), world_(job.world()), dtype_(dtype) {}

    // Number `kind` of the operations, of `count` elements, shared out among members where each has
    // a block of its own.
    void check(std::size_t kind, std::size_t count);

  private:
    struct Block {
        std::size_t count;
        Row row;
    };
    using Blocks = std::vector<Block>;

    // Memory of the heap, or of this process alone, with these blocks side by side.
    StoragePtr make(std::size_t count) {
        const bool is_private = ++made_ % 3 == 0;
        auto result = Storage::create(is_private ? nullptr : job_.heap(), dtype_, count);
        std::memset(result->data(), 0x55, result->bytes());
        return result;
    }
    static std::size_t count_of(const Blocks& blocks) {
        std::size_t count = 0;
        for (const Block& block : blocks) count += block.count;
        return count;
    }
    StoragePtr filled(const Blocks& blocks) {
        StoragePtr result = make(count_of(blocks));
        std::byte* to = result->data();
        for (const Block& block : blocks)
            for_each_run(block, [&](const std::byte* run, std::size_t bytes) {
                std::memcpy(to, run, bytes);
                to += bytes;
            });
        return result;
    }
    void expect(const StoragePtr& storage, const Blocks& blocks) const {
        const std::byte* at = storage->data();
        bool is_right = true;
        for (const Block& block : blocks)
            for_each_run(block, [&](const std::byte* run, std::size_t bytes) {
                is_right = is_right && std::memcmp(at, run, bytes) == 0;
                at += bytes;
            });
        if (is_right && at == storage->data() + storage->bytes()) return;
        fail(ErrorCode::internal, "{} of {} {}: other elements than expected on rank {}", name_,
             count_, name_of(dtype_), me());
    }
    template <typename Take>
    void for_each_run(const Block& block, Take take) const {
        constexpr std::size_t rows = 64;
        const std::size_t element = size_of(dtype_);
        std::vector<std::byte> run(rows * period * element);
        for (std::size_t i = 0; i < rows * period; ++i) {
            const std::uint64_t bits = element_of(dtype_, block.row(i % period));
            std::memcpy(run.data() + i * element, &bits, element);
        }
        for (std::size_t done = 0; done < block.count; done += rows * period)
            take(run.data(), std::min(rows * period, block.count - done) * element);
    }

    int size() const { return world_.size(); }
    int me() const { return world_.rank(); }
    bool is_root() const { return me() == root_; }
    // What `giver` has for `taker`.
    static Row given(int giver, int taker) {
        return [shift = index(giver * 37 + taker * 11)](std::size_t i) {
            return static_cast<unsigned>((i + shift) % period);
        };
    }
    // The same, small enough to be added up.
    static Row summand(int giver, int taker) {
        return [row = given(giver, taker)](std::size_t i) { return row(i) % 4; };
    }
    Row sum(int taker) const {
        return [taker, size = size()](std::size_t i) {
            unsigned result = 0;
            for (int giver = 0; giver < size; ++giver) result += summand(giver, taker)(i);
            return result;
        };
    }
    // Of the members' blocks; equal, or varying, one of them empty.
    std::size_t block_of(int member) const {
        const std::size_t equal = (count_ + index(size()) - 1) / index(size());
        if (!varies_) return equal;
        return member == 1 ? 0 : equal + index(member % 3);
    }
    // Of what `giver` has for `taker`, where that is another number for each two.
    std::size_t block_between(int giver, int taker) const {
        return varies_ ? block_of((giver + 2 * taker) % size()) : block_of(0);
    }
    Blocks blocks(const std::function<Block(int member)>& block) const {
        Blocks result;
        for (int member = 0; member < size(); ++member) result.push_back(block(member));
        return result;
    }
    Part part(const StoragePtr& storage) const {
        return {storage->data(), storage->count(), dtype_};
    }

    void allreduce();
    void reduce();
    void broadcast();
    void reduce_scatter();
    void allgather();
    void gather();
    void scatter();
    void alltoall();

    Job& job_;
    Communicator& world_;
    Dtype dtype_;
    std::size_t count_ = 0;
    bool varies_ = false;
    int root_ = 0;
    std::size_t made_ = 0;
    std::string_view name_;
};

void Sweep::allreduce() {
    const StoragePtr values = filled({{count_, summand(me(), 0)}});
    const Part both = part(values);
    world_.run(Collective::allreduce({&both, 1}, Op::sum));
    expect(values, {{count_, sum(0)}});
}

void Sweep::reduce() {
    const StoragePtr values = filled({{count_, summand(me(), 0)}});
    const StoragePtr result = make(is_root() ? count_ : 0);
    const Part from = part(values), to = part(result);
    world_.run(Collective::reduce({&from, 1}, {&to, is_root() ? 1u : 0u}, Op::sum, root_));
    expect(values, {{count_, summand(me(), 0)}});
    if (is_root()) expect(result, {{count_, sum(0)}});
}

void Sweep::broadcast() {
    const StoragePtr values = filled({{count_, given(me(), 0)}});
    const Part both = part(values);
    world_.run(Collective::broadcast({&both, 1}, root_));
    expect(values, {{count_, given(root_, 0)}});
}

void Sweep::reduce_scatter() {
    const StoragePtr values = filled(blocks([&](int taker) {
        return Block{block_of(taker), summand(me(), taker)};
    }));
    const StoragePtr result = make(block_of(me()));
    world_.run(varies_ ? Collective::reduce_scatterv(part(values), part(result), Op::sum)
                       : Collective::reduce_scatter(part(values), part(result), Op::sum));
    expect(result, {{block_of(me()), sum(me())}});
}

void Sweep::allgather() {
    const Blocks all = blocks([&](int giver) { return Block{block_of(giver), given(giver, 0)}; });
    const StoragePtr own = filled({all[index(me())]});
    const StoragePtr result = make(count_of(all));
    world_.run(varies_ ? Collective::allgatherv(part(own), part(result))
                       : Collective::allgather(part(own), part(result)));
    expect(result, all);
}

void Sweep::gather() {
    const Blocks all = blocks([&](int giver) { return Block{block_of(giver), given(giver, 0)}; });
    const StoragePtr own = filled({all[index(me())]});
    const StoragePtr result = make(is_root() ? count_of(all) : 0);
    world_.run(varies_ ? Collective::gatherv(part(own), part(result), root_)
                       : Collective::gather(part(own), part(result), root_));
    if (is_root()) expect(result, all);
}

void Sweep::scatter() {
    const Blocks all = blocks([&](int taker) {
        return Block{block_of(taker), given(root_, taker)};
    });
    const StoragePtr values = filled(is_root() ? all : Blocks());
    const StoragePtr own = make(block_of(me()));
    world_.run(varies_ ? Collective::scatterv(part(values), part(own), root_)
                       : Collective::scatter(part(values), part(own), root_));
    expect(own, {all[index(me())]});
}

void Sweep::alltoall() {
    const Blocks out = blocks([&](int taker) {
        return Block{block_between(me(), taker), given(me(), taker)};
    });
    const Blocks in = blocks([&](int giver) {
        return Block{block_between(giver, me()), given(giver, me())};
    });
    std::vector<std::size_t> out_counts, in_counts;
    for (const Block& block : out) out_counts.push_back(block.count);
    for (const Block& block : in) in_counts.push_back(block.count);
    const StoragePtr values = filled(out), result = make(count_of(in));
    world_.run(varies_ ? Collective::alltoallv(part(values), out_counts, part(result), in_counts)
                       : Collective::alltoall(part(values), part(result)));
    expect(result, in);
}

void Sweep::check(std::size_t kind, std::size_t count) {
    struct Kind {
        std::string_view name;
        void (Sweep::*run)();
        bool varies = false;
    };
    static constexpr std::array<Kind, kinds_max - 1> kinds = {{
        {"allreduce", &Sweep::allreduce},
        {"reduce", &Sweep::reduce},
        {"broadcast", &Sweep::broadcast},
        {"reduce_scatter", &Sweep::reduce_scatter},
        {"reduce_scatterv", &Sweep::reduce_scatter, true},
        {"allgather", &Sweep::allgather},
        {"allgatherv", &Sweep::allgather, true},
        {"gather", &Sweep::gather},
        {"gatherv", &Sweep::gather, true},
        {"scatter", &Sweep::scatter},
        {"scatterv", &Sweep::scatter, true},
        {"alltoall", &Sweep::alltoall},
        {"alltoallv", &Sweep::alltoall, true},
    }};
    if (kind == kinds.size()) return world_.barrier();
    name_ = kinds[kind].name;
    varies_ = kinds[kind].varies;
    count_ = count;
    root_ = static_cast<int>((count + kind) % index(size()));
    (this->*kinds[kind].run)();
}

int check_all(Job& job, std::span<const Dtype> dtypes, std::span<const std::size_t> sizes) {
    int checked = 0;
    for (const Dtype dtype : dtypes) {
        Sweep sweep(job, dtype);
        for (const std::size_t size : sizes) {
            const std::size_t count = size <= few_elements ? size : size / size_of(dtype);
            for (std::size_t kind = 0; kind < kinds_max; ++kind, ++checked)
                sweep.check(kind, count);
        }
    }
    return checked;
}

int check_large(Job& job) {
    for (std::size_t kind = 0; kind < kinds_max; ++kind) {
        const auto dtype = static_cast<Dtype>(kind % dtype_count);
        Sweep(job, dtype).check(kind, (64 << 20) / size_of(dtype));
    }
    return kinds_max;
}

int check(Job& job, std::string_view what) {
    constexpr std::array all = {Dtype::u8,  Dtype::i8,   Dtype::i16, Dtype::i32, Dtype::i64,
                                Dtype::f16, Dtype::bf16, Dtype::f32, Dtype::f64};
    constexpr std::array some = {Dtype::i8, Dtype::bf16, Dtype::f64};
    constexpr std::array<std::size_t, 5> sizes = {0, 1, few_elements, 64 << 10, 1 << 20};
    if (what == "short") return check_all(job, all, std::span(sizes).first(3));
    if (what == "long") return check_all(job, all, std::span(sizes).last(2));
    if (what == "some") return check_all(job, some, sizes);
    if (what == "large") return check_large(job);
    fail(ErrorCode::usage, "sweep short, long, some or large; not '{}'", what);
}

}  // namespace

int main(int argc, char** argv) {
    try {
        const auto job = Job::join();
        const int checked = check(*job, argc > 1 ? argv[1] : "");
        if (job->place().rank == 0) fmt::print("{} operations are right\n", checked);
    } catch (const Error& error) {
        fmt::print(stderr, "{}\n", error.what());
        return 1;
    }
    return 0;
}
