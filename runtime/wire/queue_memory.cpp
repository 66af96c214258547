// SPDX-License-Identifier: Apache-2.0
#include "runtime/wire/queue_memory.hpp"

#include <fcntl.h>
#include <sys/mman.h>
#include <sys/random.h>
#include <sys/sysinfo.h>

#include <algorithm>
#include <bit>
#include <limits>

#include "base/fail.hpp"

namespace ipcrun {

namespace {

// The last two digits are the version.
constexpr std::uint64_t queue_magic = 0x6970'6372'756e'7101;
constexpr std::uint64_t page_bytes = 4096;
constexpr std::uint64_t data_bytes_max = 1ull << 46;

constexpr std::uint64_t to_pages(std::uint64_t bytes) {
    return (bytes + page_bytes - 1) / page_bytes * page_bytes;
}

constexpr std::uint64_t participants_offset = to_pages(sizeof(QueueHeader));
constexpr std::uint64_t slots_offset =
    participants_offset + to_pages(queue_participants_max * sizeof(QueueParticipant));
constexpr std::uint64_t data_offset =
    slots_offset + to_pages(std::uint64_t{queue_slots_max} * sizeof(QueueSlot));

// Addresses are not without limit: a process that has hundreds of queues must be able to map them.
std::uint64_t usual_data_bytes() {
    struct sysinfo info = {};
    check_syscall(::sysinfo(&info), "read the size of memory");
    const std::uint64_t memory = static_cast<std::uint64_t>(info.totalram) * info.mem_unit;
    return std::clamp<std::uint64_t>(std::bit_ceil(memory), 4ull << 30, 256ull << 30);
}

void init_mutex(pthread_mutex_t& mutex) {
    pthread_mutexattr_t attributes;
    const auto succeed = [](int error_number) {
        if (error_number != 0) fail_errno(error_number, "make the lock of a shared queue");
    };
    succeed(::pthread_mutexattr_init(&attributes));
    succeed(::pthread_mutexattr_setpshared(&attributes, PTHREAD_PROCESS_SHARED));
    succeed(::pthread_mutexattr_setrobust(&attributes, PTHREAD_MUTEX_ROBUST));
    succeed(::pthread_mutex_init(&mutex, &attributes));
    (void)::pthread_mutexattr_destroy(&attributes);  // holds nothing
}

}  // namespace

void fail_overwritten() {
    fail(ErrorCode::protocol,
         "use a shared queue: its memory has been written over by one of its processes");
}

UniqueFd QueueMemory::create(std::uint64_t capacity, std::uint64_t data_bytes) {
    if (capacity > queue_slots_max)
        fail(ErrorCode::usage, "create a shared queue: a capacity of {} is more than the limit {}",
             capacity, queue_slots_max);
    if (data_bytes == 0) data_bytes = usual_data_bytes();
    data_bytes = to_pages(std::min(data_bytes, data_bytes_max));
    UniqueFd fd = create_memfd("ipcrun-queue", data_offset + data_bytes);
    const Mapping mapping(fd.get(), 0, sizeof(QueueHeader));
    auto& header = *reinterpret_cast<QueueHeader*>(mapping.data());
    header.capacity = capacity;
    header.data_bytes = data_bytes;
    if (::getrandom(&header.nonce, sizeof header.nonce, 0) != sizeof header.nonce)
        fail_errno(errno, "draw a number for a shared queue");
    init_mutex(header.mutex);
    header.magic = queue_magic;
    return fd;
}

QueueMemory::QueueMemory(UniqueFd fd) : fd_(std::move(fd)) {
    constexpr int sizes = F_SEAL_GROW | F_SEAL_SHRINK;
    const int seals = ::fcntl(fd_.get(), F_GET_SEALS);
    // Of what can shrink, pages could go while they are read.
    if (seals < 0 || (seals & sizes) != sizes)
        fail(ErrorCode::protocol, "attach to a shared queue: the descriptor is none of a queue");
    const std::uint64_t bytes = memfd_bytes(fd_.get());
    if (bytes <= data_offset || bytes > data_offset + data_bytes_max)
        fail(ErrorCode::protocol, "attach to a shared queue: the memory has the wrong size");
    mapping_ = Mapping(fd_.get(), 0, bytes);
    const QueueHeader& head = header();
    capacity_ = head.capacity;
    data_bytes_ = head.data_bytes;
    nonce_ = head.nonce;
    if (head.magic != queue_magic || data_bytes_ != bytes - data_offset ||
        capacity_ > queue_slots_max)
        fail(ErrorCode::protocol,
             "attach to a shared queue: the memory is no queue, or was made by another version of "
             "ipcrun");
}

QueueParticipant& QueueMemory::participant(std::uint32_t index) const {
    if (index >= queue_participants_max) fail_overwritten();
    return reinterpret_cast<QueueParticipant*>(mapping_.data() + participants_offset)[index];
}

QueueSlot& QueueMemory::slot(std::uint32_t index) const {
    if (index >= queue_slots_max) fail_overwritten();
    return reinterpret_cast<QueueSlot*>(mapping_.data() + slots_offset)[index];
}

std::byte* QueueMemory::data(std::uint64_t offset, std::uint64_t bytes) const {
    if (offset > data_bytes_ || bytes > data_bytes_ - offset) fail_overwritten();
    return mapping_.data() + data_offset + offset;
}

void QueueMemory::punch_data(std::uint64_t offset, std::uint64_t bytes) const {
    (void)data(offset, bytes);
    punch(data_offset + offset, data_offset + offset + bytes);
}

void QueueMemory::punch_slots(std::uint32_t first, std::uint32_t end) const {
    punch(slots_offset + std::uint64_t{first} * sizeof(QueueSlot),
          slots_offset + std::uint64_t{end} * sizeof(QueueSlot));
}

void QueueMemory::punch(std::uint64_t first, std::uint64_t end) const {
    first = to_pages(first);
    end = end / page_bytes * page_bytes;
    // MADV_DONTNEED would free nothing of shared memory. Failing means keeping it: harmless.
    if (first < end) (void)::madvise(mapping_.data() + first, end - first, MADV_REMOVE);
}

}  // namespace ipcrun
