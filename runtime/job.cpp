// SPDX-License-Identifier: Apache-2.0
#include "runtime/job.hpp"

#include <unistd.h>

#include <bit>
#include <cstdlib>
#include <numeric>

#include "base/fail.hpp"
#include "base/socket.hpp"
#include "runtime/heap.hpp"
#include "runtime/join.hpp"
#include "runtime/node_communicator.hpp"
#include "runtime/queue_requests.hpp"
#include "runtime/shared_queue.hpp"
#include "runtime/wire/rank_environment.hpp"
#include "runtime/wire/worker_protocol.hpp"

namespace ipcrun {

namespace {

std::shared_ptr<NodeMemory> ask_agent(int control_fd) {
    auto fds = ask_to_join(control_fd, 2, "join the job");
    return std::make_shared<NodeMemory>(std::move(fds[0]), std::move(fds[1]));
}

AskForEnd ask_over(int control_fd) {
    return [control_fd](int rank) {
        try {
            // A packet is whole, whichever threads send at the same time.
            (void)send_packet(control_fd, encode(Fence{rank}));
        } catch (const std::exception&) {
            // The agent is gone, and so is that rank presently: the launcher sweeps. Or there is no
            // memory: others ask, too.
        }
    };
}

std::shared_ptr<NodeMemory> create_alone() {
    constexpr std::uint64_t arena_bytes = 1ull << 30;
    return NodeMemory::create(1, 1, arena_bytes);
}

}  // namespace

struct Job::Impl {
    Place place;
    int control_fd = -1;  // inherited and borrowed: the environment names it to all of this process
    const pid_t pid = ::getpid();
    std::shared_ptr<Heap> heap = nullptr;
    std::unique_ptr<Communicator> world = nullptr;
    std::unique_ptr<Communicator> messages = nullptr;
    std::unique_ptr<QueueRequests> queue_requests = std::make_unique<QueueRequests>();

    Identity identity(std::uint64_t block_offset) const;
};

// Of a communicator of all ranks.
Identity Job::Impl::identity(std::uint64_t block_offset) const {
    Identity all;
    all.members.resize(static_cast<std::size_t>(place.size));
    std::iota(all.members.begin(), all.members.end(), 0);
    all.rank = place.rank;
    all.block_offset = block_offset;
    return all;
}

Job::Job(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

std::shared_ptr<Job> Job::join() {
    auto environment = RankEnvironment::read();
    // A program that a rank started inherits the variables but not the socket: it is no rank.
    if (environment && !is_packet_socket(environment->control_fd)) environment.reset();
    const RankEnvironment own = environment.value_or(RankEnvironment());
    if (own.local_size != own.size)
        fail(ErrorCode::unsupported,
             "join the job: it has ranks on other hosts, and links between hosts are not there yet "
             "(name one host)");
    std::shared_ptr<NodeMemory> memory;
    AskForEnd ask_for_end;
    // From here on whatever is thrown leaves the job again.
    std::shared_ptr<Job> job(new Job(std::make_unique<Impl>(
        Impl{.place = {own.rank, own.size, own.node, own.local_rank, own.local_size}})));
    Impl& impl = *job->impl_;
    if (environment) {
        set_close_on_exec(own.control_fd);
        memory = ask_agent(own.control_fd);
        impl.control_fd = own.control_fd;
        ask_for_end = ask_over(own.control_fd);
    } else {
        memory = create_alone();
    }
    Faults faults;
    if (const char* text = std::getenv("IPCRUN_FAULT")) faults = Faults(text, own.rank);
    if (const char* text = std::getenv("IPCRUN_PEER_ACCESS")) {
        const std::string_view allowed = text;
        if (allowed != "0" && allowed != "1")
            fail(ErrorCode::config, "read IPCRUN_PEER_ACCESS '{}': it must be 0 or 1", allowed);
        if (allowed == "0")
            memory->control().rank(own.local_rank).peer_access = PeerAccess::refused;
    }
    impl.heap = std::make_shared<Heap>(memory, own.local_rank);
    impl.world = std::make_unique<Communicator>(std::make_unique<NodeCommunicator>(
        impl.heap, impl.identity(memory->control().header().world_offset), std::move(faults),
        std::move(ask_for_end)));
    return job;
}

Job::~Job() {
    // Before the others hear that this rank has left: then it does nothing more there.
    impl_->messages.reset();
    // A child after fork() holds a copy of this: it is no rank, and cannot leave for its parent.
    if (is_alone() || ::getpid() != impl_->pid) return;
    try {
        (void)send_packet(impl_->control_fd, encode(Leave{}));
    } catch (const Error&) {
        // The agent is gone, and with it everybody who could be told.
    }
}

const Job::Place& Job::place() const {
    return impl_->place;
}

bool Job::is_alone() const {
    return impl_->control_fd < 0;
}

std::optional<JobSecret> Job::secret() const {
    return impl_->heap->memory()->control().secret();
}

Communicator& Job::world() {
    return *impl_->world;
}

Communicator& Job::messages() {
    if (impl_->messages != nullptr) return *impl_->messages;
    const Group& world = impl_->world->impl().node().group;
    Identity identity = impl_->identity(world.control().header().messages_offset);
    identity.ends_are_departures = true;
    auto made =
        std::make_unique<NodeCommunicator>(impl_->heap, std::move(identity), world.faults());
    made->group.waiter().report_with(impl_->world->impl().node().group.waiter());
    impl_->messages = std::make_unique<Communicator>(std::move(made));
    return *impl_->messages;
}

std::shared_ptr<SharedQueue> Job::open_queue(const std::string& name, std::uint64_t capacity) {
    check_queue_name(name);
    if (is_alone())
        fail(ErrorCode::usage,
             "open the queue '{}': queues have names among the ranks of a job, and this process is "
             "none (start it with ipcrun, or share a queue without a name)",
             name);
    if (::getpid() != impl_->pid)
        fail(ErrorCode::usage,
             "open the queue '{}': this process was forked from a rank, and is none itself", name);
    return SharedQueue::attach(impl_->queue_requests->open(impl_->control_fd, name, capacity),
                               impl_->world->impl().node().group.faults());
}

const std::shared_ptr<Heap>& Job::heap() const {
    return impl_->heap;
}

std::optional<Job::MemoryName> Job::name_memory(const void* data, std::size_t bytes) const {
    const auto ref = impl_->heap->memory()->locate(data, bytes);
    if (!ref) return std::nullopt;
    return std::bit_cast<MemoryName>(*ref);
}

std::byte* Job::find_memory(const MemoryName& name, std::size_t bytes) const {
    return impl_->heap->memory()->resolve(std::bit_cast<HeapRef>(name), bytes);
}

}  // namespace ipcrun
