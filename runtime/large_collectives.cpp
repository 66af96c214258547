// SPDX-License-Identifier: Apache-2.0
// Large operations, zero-copy and work-sharing. Every member publishes where its memory lies and
// arrives. The result is cut into chunks; a chunk is reduced from all sources, while in cache, and
// written to all destinations: n reads and n writes, the minimum. Claims are sticky: a member works
// on its own slice first, then helps the others. With more members than CPUs only as many work as
// there are CPUs, the last to arrive among them, and the sleeping ones cost nothing.
#include <algorithm>
#include <cstring>
#include <optional>

#include "base/error.hpp"
#include "runtime/communicator.hpp"

namespace ipcrun {

namespace {

constexpr std::size_t cache_line = 64;
constexpr std::size_t chunk_bytes_min = 8 * 1024;
constexpr std::size_t chunk_bytes_max = 64 * 1024;
constexpr std::chrono::microseconds helper_patience{20};
constexpr int chunks_per_member = 4;  // enough for helpers to even out what the slices do not

// A payload holds the number of references and the references, or one to a list of them.
struct RefHeader {
    std::uint32_t count;
    std::uint32_t indirect;
};
constexpr std::size_t inline_refs_max = (inline_bytes_max - sizeof(RefHeader)) / sizeof(HeapRef);

// A block of the shared heap for as long as an operation needs it.
class Loan {
  public:
    Loan(Heap& heap, std::size_t bytes)
        : heap_(&heap), data_(static_cast<std::byte*>(heap.allocate(bytes))) {
        if (data_ == nullptr)
            fail(ErrorCode::system,
                 "copy {} bytes through the shared heap: it is full, or closed "
                 "by fork()",
                 bytes);
    }
    Loan(Loan&& other) noexcept : heap_(other.heap_), data_(std::exchange(other.data_, nullptr)) {}
    ~Loan() {
        if (data_ != nullptr) heap_->deallocate(data_);
    }
    std::byte* data() const { return data_; }

  private:
    Heap* heap_;
    std::byte* data_;
};

// A part that is not worked on where it lies, and its stand-in in the shared heap.
struct Copy {
    const Part* part;
    Loan loan;
};

// Is memory given twice? (The tensor of a weight that a network uses in two places is.)
bool overlap(std::span<const Part> parts) {
    std::vector<std::span<const std::byte>> runs;
    const auto begins_early = [](const auto& a, const auto& b) {
        return b.data() < a.data() + a.size();
    };
    for (const Part& part : parts)
        if (part.count != 0)
            runs.emplace_back(static_cast<const std::byte*>(part.data), part.bytes());
    std::sort(runs.begin(), runs.end(),
              [](const auto& a, const auto& b) { return a.data() < b.data(); });
    return std::adjacent_find(runs.begin(), runs.end(), begins_early) != runs.end();
}

}  // namespace

struct Communicator::Staging {
    std::vector<Copy> copies;
    std::optional<Loan> list;  // of references, when they do not fit beside the arrival flag

    // Names every part in the shared heap; those that lie elsewhere, and all when some memory is
    // given twice, through copies.
    void stage(NodeMemory& memory, Heap& heap, std::span<const Part> parts, bool copy_in,
               std::vector<HeapRef>& refs) {
        refs.clear();
        const bool copy_all = parts.size() > 1 && overlap(parts);
        for (const Part& part : parts) {
            auto ref = part.count == 0 ? HeapRef()
                       : copy_all      ? std::nullopt
                                       : memory.locate(part.data, part.bytes());
            if (!ref) {
                std::byte* copy =
                    copies.emplace_back(Copy{&part, Loan(heap, part.bytes())}).loan.data();
                if (copy_in) std::memcpy(copy, part.data, part.bytes());
                ref = memory.locate(copy, part.bytes());
            }
            refs.push_back(*ref);
        }
        if (refs.size() <= inline_refs_max) return;
        const std::size_t bytes = refs.size() * sizeof(HeapRef);
        list.emplace(heap, bytes);
        std::memcpy(list->data(), refs.data(), bytes);
        refs = {*memory.locate(list->data(), bytes)};
    }
};

struct Communicator::Task {
    Kind kind;
    Op op;
    int root;
    std::span<const Part> parts;
    std::vector<std::size_t>& starts;  // of the parts, were they side by side, and their end; bytes
    std::size_t chunk_bytes;
    std::uint32_t chunks;

    Task(Kind task_kind, Op task_op, int task_root, std::span<const Part> task_parts, int members,
         std::vector<std::size_t>& scratch)
        : kind(task_kind), op(task_op), root(task_root), parts(task_parts), starts(scratch) {
        std::size_t end = 0;
        starts.clear();
        for (const Part& part : parts) {
            starts.push_back(end);
            // Whole cache lines: no chunk ends within an element, no two chunks share a line.
            end += (part.bytes() + cache_line - 1) / cache_line * cache_line;
        }
        starts.push_back(end);
        const std::size_t wanted = end / (static_cast<std::size_t>(members) * chunks_per_member);
        chunk_bytes =
            std::clamp(wanted, chunk_bytes_min, chunk_bytes_max) / cache_line * cache_line;
        chunks = static_cast<std::uint32_t>((end + chunk_bytes - 1) / chunk_bytes);
    }

    std::uint32_t first_chunk(int slice, int slices) const {
        return static_cast<std::uint32_t>(std::uint64_t{chunks} * slice / slices);
    }
};

int Communicator::workers_max() const {
    return std::min(size(), static_cast<int>(control_.header().cpus));
}

void Communicator::exchange_in_place(Operation& operation, Kind kind, std::span<const Part> parts,
                                     Op op, int root) {
    Staging staging;  // is not freed before nobody touches it: after give_up() where that is called
    const auto cannot_go_on = [&](ErrorCode code, const char* reason) {
        give_up(operation, code, rank(), reason);
    };
    try {
        share_out(operation, kind, parts, op, root, staging);
    } catch (const Error& error) {
        // Of these two all members know.
        if (failure_ != nullptr || error.code == ErrorCode::mismatch) throw;
        cannot_go_on(error.code, error.what());
    } catch (const std::bad_alloc&) {
        cannot_go_on(ErrorCode::system, "not enough memory");
    }
}

void Communicator::share_out(Operation& operation, Kind kind, std::span<const Part> parts, Op op,
                             int root, Staging& staging) {
    const bool gives = kind == Kind::allreduce || rank() == root;
    staging.stage(memory_, *heap_, parts, gives, refs_);
    publish(operation, refs_, staging.list.has_value());
    // Crowded: the last to arrive works, with one helper a CPU; the rest sleep on to the end.
    meet(operation, waiter_.is_crowded() ? workers_max() - 1 : size());
    const Task task(kind, op, root, parts, size(), starts_);
    const std::uint32_t half = operation.sequence & 1;
    Work& progress = block_.works[half];
    // The counters only grow: everybody knows where they stood before, and nobody resets them.
    const std::uint32_t workers_before = workers_before_[half];
    workers_before_[half] += static_cast<std::uint32_t>(size());
    chunks_finished_[half] += task.chunks;
    operation.is_shared_out = true;
    look_again();
    if (!waiter_.is_crowded() || progress.workers.fetch_add(1) - workers_before <
                                     static_cast<std::uint32_t>(workers_max())) {
        work(operation, task);
    }
    wait_for(operation, [&] { return is_finished(operation); });
    if (kind == Kind::broadcast && rank() == root) return;
    for (const Copy& copy : staging.copies)
        std::memcpy(copy.part->data, copy.loan.data(), copy.part->bytes());
}

void Communicator::publish(const Operation& operation, std::span<const HeapRef> refs,
                           bool are_list) {
    std::byte* payload = arrival_of(rank(), operation.sequence).payload;
    const RefHeader header{static_cast<std::uint32_t>(refs.size()), are_list};
    std::memcpy(payload, &header, sizeof header);
    std::memcpy(payload + sizeof header, refs.data(), refs.size_bytes());
    block_.member(rank()).slices[operation.sequence & 1].next_chunk.store(
        0, std::memory_order_relaxed);
}

void Communicator::resolve_addresses(const Operation& operation, std::span<const Part> parts) {
    addresses_.clear();
    for (int member = 0; member < size(); ++member) {
        const std::byte* payload = arrival_of(member, operation.sequence).payload;
        RefHeader header;
        std::memcpy(&header, payload, sizeof header);
        const auto* refs = reinterpret_cast<const HeapRef*>(payload + sizeof header);
        if (header.indirect != 0)
            refs = reinterpret_cast<const HeapRef*>(
                memory_.resolve(refs[0], parts.size() * sizeof(HeapRef)));
        for (std::size_t part = 0; part < parts.size(); ++part)
            addresses_.push_back(memory_.resolve(refs[part], parts[part].bytes()));
    }
}

void Communicator::work(const Operation& operation, const Task& task) {
    // Sequentially consistent: either a failing member sees this and waits for us, or we see the
    // alert that came before it looked.
    std::atomic<std::uint32_t>& touching = block_.member(rank()).touching;
    touching.store(1);
    if (is_alerted()) look_around(operation);
    resolve_addresses(operation, task.parts);
    const auto start = Clock::now();
    bool finished = work_on_slice(operation, task, rank());
    if (!finished && !waiter_.is_crowded()) finished = was_finished_soon(operation, start);
    for (int i = 1; i < size() && !finished; ++i)
        finished = work_on_slice(operation, task, (rank() + i) % size());
    touching.store(0);
    // Whoever has failed, be it in the next operation, may wait for this.
    if (finished || block_.failure.load() != 0) block_.bell.ring_all();
}

bool Communicator::is_finished(const Operation& operation) const {
    const std::uint32_t half = operation.sequence & 1;
    return block_.works[half].finished_chunks.load() == chunks_finished_[half];
}

// A member with a CPU of its own is about to finish, and has its slice in its cache: helping it
// would cost both more than it saves. Only who takes much longer than we did needs help.
bool Communicator::was_finished_soon(const Operation& operation, Clock::time_point start) {
    const auto now = Clock::now();
    const auto patience = now + (now - start) + helper_patience;
    do {
        for (int i = 0; i < 32; ++i) {
            if (is_finished(operation)) return true;
            Waiter::pause();
        }
    } while (Clock::now() < patience);
    return false;
}

// Takes chunks of `owner`'s slice while there are any. True when that finished the operation.
bool Communicator::work_on_slice(const Operation& operation, const Task& task, int owner) {
    const std::uint32_t half = operation.sequence & 1;
    const std::uint32_t first = task.first_chunk(owner, size());
    const std::uint32_t length = task.first_chunk(owner + 1, size()) - first;
    std::atomic<std::uint32_t>& next = block_.member(owner).slices[half].next_chunk;
    std::uint32_t done = 0;
    for (;; ++done) {
        if (is_alerted()) look_around(operation);
        // Looking before claiming spares a write to a line that all helpers pass by.
        if (next.load(std::memory_order_relaxed) >= length) break;
        const std::uint32_t claimed = next.fetch_add(1, std::memory_order_relaxed);
        if (claimed >= length) break;
        faults_.at(FaultPoint::after_claim, operation.sequence);
        work_on_chunk(operation, task, first + claimed, first + length);
    }
    if (done == 0) return false;
    const std::uint32_t finished = block_.works[half].finished_chunks.fetch_add(done) + done;
    faults_.at(FaultPoint::after_done, operation.sequence);
    return finished == chunks_finished_[half];
}

void Communicator::work_on_chunk(const Operation& operation, const Task& task, std::uint32_t chunk,
                                 std::uint32_t slice_end) {
    const std::size_t begin = std::size_t{chunk} * task.chunk_bytes;
    const std::size_t end = std::min(begin + task.chunk_bytes, task.starts.back());
    const std::size_t next = std::size_t{slice_end - chunk - 1} * task.chunk_bytes;
    auto part = static_cast<std::size_t>(
        std::upper_bound(task.starts.begin(), task.starts.end() - 1, begin) - task.starts.begin() -
        1);
    for (; part < task.parts.size() && task.starts[part] < end; ++part) {
        const std::size_t from = std::max(begin, task.starts[part]) - task.starts[part];
        const std::size_t to = std::min(end - task.starts[part], task.parts[part].bytes());
        if (from >= to) continue;  // nothing but padding
        if (faults_.is_armed()) {
            const std::size_t half = (to - from) / 2 / cache_line * cache_line;
            work_on_run(task, part, from, from + half, 0);
            faults_.at(FaultPoint::mid_chunk, operation.sequence);
            work_on_run(task, part, from + half, to, 0);
        } else {
            work_on_run(task, part, from, to, std::min(next, task.parts[part].bytes() - to));
        }
    }
}

void Communicator::work_on_run(const Task& task, std::size_t part, std::size_t from, std::size_t to,
                               std::size_t next_bytes) {
    run_.clear();
    for (int member = 0; member < size(); ++member)
        run_.push_back(addresses_[member * task.parts.size() + part] + from);
    if (task.kind == Kind::allreduce)
        return reduce(task.op, task.parts[part].dtype, run_, run_,
                      (to - from) / size_of(task.parts[part].dtype),
                      next_bytes / size_of(task.parts[part].dtype));
    for (int member = 0; member < size(); ++member)
        if (member != task.root) std::memcpy(run_[member], run_[task.root], to - from);
}

}  // namespace ipcrun
